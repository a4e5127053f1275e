//! Shared parts of the lists of prospects and orders.

use utoipa::IntoParams;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::Params;
use crate::reports::dimensions::{self, Dimension};
use crate::reports::filters::Filters;

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
    /// `true`: only events of bots. `false`: only events of humans. A reason: only such bots. Each
    /// dimension of reports that the table has is a filter too, with the operators of
    /// `GET /api/reports/`: `device=mobile`, `os.not=iOS`, `sub1.none=1`.
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

/// Reads the filter of a list of prospects or orders. `columns` are those it can be sorted by, and
/// `has` tells by which dimensions it can be filtered. The scope is still to be set.
pub fn read_filter(
    params: &mut Params,
    allowed: &Allowed,
    columns: &[EventColumn],
    has: fn(&Dimension) -> bool,
    limit: u32,
) -> EventFilter {
    let range = params.time_range(allowed.viewer.time_zone);
    let order = params.event_order(columns);
    let mut filters = Filters::read(params, dimensions::permitted(allowed.grant).filter(|found| has(found)));
    let mut id = |name: &str| filters.take_single(name).and_then(|id| id.parse().ok()).unwrap_or(0);
    let (user_id, team_id, campaign_id) = (id("user"), id("team"), id("campaign"));
    let country = filters.take_single("country").unwrap_or_default();
    EventFilter {
        scope: EventScope::default(),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        user_id,
        team_id,
        campaign_id,
        country,
        conditions: filters.conditions(|dimension| dimension.sql("")),
        q: params.q(),
        status: String::new(),
        sort: order.column,
        is_ascending: order.is_ascending,
        after: order.after,
        after_value: order.after_value,
        limit: limit + 1,
    }
}
