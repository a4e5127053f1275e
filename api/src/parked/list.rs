//! `GET /api/parked/list/`: lists parked events, newest first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::outcome::ParkReason;

use crate::db::event_order::EventColumn;
use crate::db::parked::{self, ParkedFilter, ParkedRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::event_sort::cursor_after;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Moment, Params};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query, word};
use crate::parked::model::ParkedResponse;
use crate::time_zone::TimeZone;

/// The states of parked events.
pub const STATES: [&str; 3] = ["waiting", "replayed", "ignored"];

page_query! {
    /// The order and the page.
    pub struct ParkedPageQuery of EventColumn::OF_PARKED;
}

word! {
    /// The state of a parked event.
    pub struct ParkedState of STATES;
}

word! {
    /// The reason why an event is parked.
    pub struct ParkedReason of ParkReason::WORDS;
}

query! {
    /// Query parameters of the list of parked events.
    pub struct ListParkedQuery {
        /// The id of an event, what it names, or a part of its contents.
        pub q: Search,
        /// `waiting`, `replayed` or `ignored`.
        pub state: ParkedState,
        /// `unknown_key`, `expired_key`, `unknown_user`, `unknown_prospect` or `unreadable`.
        pub reason: ParkedReason,
        /// The exact text of the reference.
        pub reference: Option<String>,
        /// From this time on: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// Up to this time: RFC 3339, or a date in `tz`, which is included.
        pub to: Option<Moment>,
        /// The time zone of dates. The default is the caller's.
        pub tz: Option<TimeZone>,
    }
}

/// List parked events
#[utoipa::path(
    get, path = "/api/parked/list/", tag = "parked", params(ParkedPageQuery, ListParkedQuery),
    responses((status = 200, description = "Parked events, newest first", body = Vec<ParkedResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_parked(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, params, allowed.viewer.time_zone, limit).await?;
    Ok(listing.answer(&page.map(|row| ParkedResponse::from(&row))))
}

/// Returns the parked events that match the parameters.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(
    app: &App,
    mut params: Params,
    zone: TimeZone,
    limit: u32,
) -> Result<Page<ParkedRow>, ApiError> {
    let query = ListParkedQuery::read(&mut params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(zone));
    let order = params.event_order(&EventColumn::OF_PARKED);
    let filter = ParkedFilter {
        kind: "",
        state: query.state.0.unwrap_or_default().to_owned(),
        reason: query.reason.0.unwrap_or_default().to_owned(),
        reference: query.reference,
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        q: query.q.0,
        sort: order.column,
        is_ascending: order.is_ascending,
        after: order.after,
        after_value: order.after_value,
        limit: limit + 1,
    };
    params.finish()?;
    let rows = parked::list(&app.clickhouse, &filter).await?;
    let cursor = |row: &ParkedRow| {
        let sorted = filter.sort.map(|column| (column, row.value(column)));
        cursor_after(sorted, filter.is_ascending, row.first_seen_ms, row.event_id)
    };
    Ok(Page::of(rows, limit, cursor))
}
