//! Shared parts of the lists of prospects and orders.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::{Moment, Params};
use crate::http::typed_query::{Country, Param, Search, query};
use crate::time_zone::TimeZone;

/// `true` or `false`; also as `1` or `0`.
#[derive(Debug, Clone, Copy)]
pub struct BotFlag(pub Option<bool>);

impl Param for BotFlag {
    fn read(params: &mut Params, name: &'static str) -> Self {
        Self(params.word(name, &["true", "1", "false", "0"]).map(|word| matches!(word, "true" | "1")))
    }

    fn schema() -> RefOr<Schema> {
        Option::<bool>::schema()
    }
}

query! {
    /// Query parameters of the lists of prospects and orders.
    pub struct ListEventsQuery {
        /// An id, or a text to search for. 403 for viewers who may not see customer data.
        pub q: Search,
        /// Start, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// End, inclusive: RFC 3339, or a date in `tz`, of which the whole day is included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// Only of this buyer.
        pub user_id: Option<i64>,
        /// Only events of this team: of its members at the time of the event.
        pub team_id: Option<i64>,
        /// Only events of this campaign.
        pub campaign_id: Option<i64>,
        /// Only events from this country (ISO 3166, two letters, for example `UA`).
        pub country: Country,
        /// `true`: only events of bots. `false`: only events of humans.
        pub bot: BotFlag,
    }
}

query! {
    /// The length of the items.
    pub struct DetailsQuery {
        /// `true`: prospects also have `country` and `bot`, and orders all fields of their details.
        pub details: Option<bool>,
    }
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
    let query = ListEventsQuery::read(params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    let order = params.event_order(columns);
    let id = |id: Option<i64>| id.map_or(0, i64::unsigned_abs);
    EventFilter {
        scope: EventScope::default(),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        user_id: id(query.user_id),
        team_id: id(query.team_id),
        campaign_id: id(query.campaign_id),
        country: query.country.0,
        is_bot: query.bot.0,
        q: query.q.0,
        status: String::new(),
        sort: order.column,
        is_ascending: order.is_ascending,
        after: order.after,
        after_value: order.after_value,
        limit: limit + 1,
    }
}
