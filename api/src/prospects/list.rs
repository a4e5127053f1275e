//! `GET /api/prospects/list/`: lists the prospects within the viewer's scope, newest first.

use axum::extract::State;
use axum::response::Response;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::prospects::{self, ProspectRow, VisitRow, shown_ip};
use crate::db::scope::EventScope;
use crate::events::{DetailsQuery, ListEventsQuery, may_search, read_filter, search_turn};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::event_sort::cursor_after;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::prospects::model::{ListedProspectResponse, ProspectResponse};
use crate::reports::dimensions::Dimension;

page_query! {
    /// The order and the page.
    pub struct ProspectPageQuery of EventColumn::OF_PROSPECTS;
}

/// List prospects
#[utoipa::path(
    get, path = "/api/prospects/list/", tag = "prospects", params(ProspectPageQuery, ListEventsQuery, DetailsQuery),
    responses((status = 200, description = "Prospects, newest first", body = Vec<ProspectResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_prospects(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let has_details = DetailsQuery::read(&mut params).details.unwrap_or_default();
    let page = collect(&app, &allowed, params, limit).await?;
    if has_details {
        return Ok(listing.answer(&page.map(ListedProspectResponse::from)));
    }
    Ok(listing.answer(&page.map(|row| ProspectResponse::from(VisitRow::from(row)))))
}

/// Returns the prospects that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<ProspectRow>, ApiError> {
    let filter =
        read_filter(&mut params, allowed, &EventColumn::OF_PROSPECTS, Dimension::is_of_prospects, limit);
    params.finish()?;
    may_search(&filter, allowed)?;
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let shown = |row: ProspectRow| ProspectRow { ip: shown_ip(row.ip, allowed.grant), ..row };
    let filter = EventFilter { scope, ..filter };
    let _turn = search_turn(app, allowed, &filter.q).await?;
    let rows = prospects::list(&app.clickhouse, &filter, app.clock.now_ms()).await?;
    let cursor = |row: &ProspectRow| {
        let sorted = filter.sort.map(|column| (column, row.value(column)));
        cursor_after(sorted, filter.is_ascending, row.time_ms, row.prospect_id)
    };
    Ok(Page::of(rows, limit, cursor).map(shown))
}
