//! `GET /api/parked/list/`: lists parked events, newest first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::outcome::ParkReason;
use utoipa::IntoParams;

use crate::db::event_order::EventColumn;
use crate::db::parked::{self, ParkedFilter, ParkedRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::event_sort::cursor_after;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::state::App;
use crate::parked::model::ParkedResponse;
use crate::time_zone::TimeZone;

/// The states of parked events. The first, empty one means any.
pub const STATES: [&str; 4] = ["", "waiting", "replayed", "ignored"];
const REASONS: [&str; 6] = [
    "",
    ParkReason::UnknownKey.as_str(),
    ParkReason::ExpiredKey.as_str(),
    ParkReason::UnknownUser.as_str(),
    ParkReason::UnknownProspect.as_str(),
    ParkReason::Unreadable.as_str(),
];

/// Query parameters of the list of parked events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListParkedQuery {
    /// Events per page, from 1 to 1000. The default is 100.
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
    /// `-time` (newest first, the default), `time`, `kind`, `reason`, `state` or `last_tried`; with
    /// a minus sign before it, in descending order.
    sort: Option<String>,
    /// The id of an event, what it names, or a part of its contents.
    q: Option<String>,
    /// `waiting`, `replayed` or `ignored`.
    state: Option<String>,
    /// `unknown_key`, `expired_key`, `unknown_user`, `unknown_prospect` or `unreadable`.
    reason: Option<String>,
    /// The exact text of the reference.
    reference: Option<String>,
    /// From this time on: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// Up to this time: RFC 3339, or a date in `tz`, which is included.
    to: Option<String>,
    /// The time zone of dates. The default is the caller's.
    tz: Option<String>,
}

/// List parked events
#[utoipa::path(
    get, path = "/api/parked/list/", tag = "parked", params(ListParkedQuery),
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
    let range = params.time_range(zone);
    let order = params.event_order(&EventColumn::OF_PARKED);
    let filter = ParkedFilter {
        kind: "",
        state: params.choice("state", &STATES).to_owned(),
        reason: params.choice("reason", &REASONS).to_owned(),
        reference: params.text("reference").map(str::to_owned),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        q: params.q(),
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
