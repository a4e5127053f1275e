//! Shared parts of the lists of prospects and orders.

use utoipa::IntoParams;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::Params;

/// Query parameters of the lists of prospects and orders.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListEventsQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
    /// An id, or a text to search for. 403 for viewers who may not see customer data.
    q: Option<String>,
    /// Start, inclusive: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// End, inclusive: RFC 3339, or a date in `tz`, of which the whole day is included.
    to: Option<String>,
    /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
    tz: Option<String>,
    /// Only of this buyer.
    user_id: Option<i64>,
    /// Only events of this team: of its members at the time of the event.
    team_id: Option<i64>,
    /// Only events of this campaign.
    campaign_id: Option<i64>,
    /// Only events from this country (ISO 3166, two letters, for example `UA`).
    country: Option<String>,
    /// `true`: only events of bots. `false`: only events of humans.
    bot: Option<bool>,
    /// `true`: prospects also have `country` and `bot`, and orders all fields of their details.
    details: Option<bool>,
}

/// Refuses a search, and the order of addresses, to a viewer who may not see customer data, because
/// the result would reveal it.
///
/// # Errors
/// 403.
pub fn may_search(filter: &EventFilter, allowed: &Allowed) -> Result<(), ApiError> {
    let reveals = !filter.q.is_empty() || filter.sort == Some(EventColumn::IpAddress);
    if !reveals || allowed.grant.customer_data { Ok(()) } else { Err(ApiError::forbidden()) }
}

/// Reads the filter of a list of prospects or orders with these columns. The scope is still to be
/// set.
pub fn read_filter(
    params: &mut Params,
    allowed: &Allowed,
    columns: &[EventColumn],
    limit: u32,
) -> EventFilter {
    let range = params.time_range(allowed.viewer.time_zone);
    let order = params.event_order(columns);
    EventFilter {
        scope: EventScope::default(),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        user_id: params.user_id(),
        team_id: params.id("team_id").map_or(0, i64::unsigned_abs),
        campaign_id: params.id("campaign_id").map_or(0, i64::unsigned_abs),
        country: params.country(),
        is_bot: match params.choice("bot", &["", "true", "1", "false", "0"]) {
            "" => None,
            word => Some(matches!(word, "true" | "1")),
        },
        q: params.q(),
        status: String::new(),
        sort: order.column,
        is_ascending: order.is_ascending,
        after: order.after,
        after_value: order.after_value,
        limit: limit + 1,
    }
}
