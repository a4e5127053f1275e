//! `GET /api/sources/list/`: lists traffic sources. Everybody may see all of them.

use axum::extract::State;
use axum::response::Response;

use crate::db::list_query::NamedFilter;
use crate::db::sources::{self, SORTING, SourceRow};
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::policy::Resource;
use crate::sources::model::SourceResponse;

page_query! {
    /// The order and the page.
    pub struct SourcePageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListSourcesQuery {
        /// Part of the name.
        pub q: Search,
    }
}

/// List traffic sources
#[utoipa::path(
    get, path = "/api/sources/list/", tag = "sources", params(SourcePageQuery, ListSourcesQuery, ArchivedQuery),
    responses((status = 200, description = "Sources by name", body = Vec<SourceResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_sources(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(SourceResponse::from)))
}

/// Returns the sources that match the parameters.
///
/// # Errors
/// 400 for an invalid parameter, 403 for deleted sources that the viewer may not see.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<SourceRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::Sources)?;
    let order = params.order(&SORTING, limit);
    let filter =
        NamedFilter { q: ListSourcesQuery::read(&mut params).q.patterns(), is_archived: part.is_archived };
    params.finish()?;
    let rows = sources::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
