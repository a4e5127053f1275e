//! Shared parts of the lists of prospects and orders.

use std::marker::PhantomData;

use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::db::event_filter::EventFilter;
use crate::db::event_order::EventColumn;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::query::{Moment, Params};
use crate::http::state::App;
use crate::http::turns::Turn;
use crate::http::typed_query::{Param, Search, query};
use crate::reports::dimensions::{self, Dimension};
use crate::reports::filters::Filters;
use crate::time_zone::TimeZone;

/// A filter by a dimension of reports. The struct describes it, and [`Filters`] reads it.
#[derive(Debug, Clone, Copy)]
pub struct ByDimension<T>(PhantomData<T>);

impl<T: PartialSchema> Param for ByDimension<T> {
    fn read(_: &mut Params, _: &'static str) -> Self {
        Self(PhantomData)
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
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
        pub user_id: ByDimension<i64>,
        /// Only events of this team: of its members at the time of the event.
        pub team_id: ByDimension<i64>,
        /// Only events of this campaign.
        pub campaign_id: ByDimension<i64>,
        /// Only events from this country (ISO 3166, two letters, for example `UA`).
        pub country: ByDimension<String>,
        /// `true`: only events of bots. `false`: only events of humans. A reason: only such bots.
        /// Each dimension of reports that the table has is a filter too, with the operators of
        /// `GET /api/reports/`: `device=mobile`, `os.not=iOS`, `sub1.none=1`.
        pub bot: ByDimension<bool>,
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

/// Waits for the viewer's turn to search for a text; `None` for a list without one.
///
/// # Errors
/// 429 if too many searches of the viewer run.
pub async fn search_turn(app: &App, allowed: &Allowed, q: &str) -> Result<Option<Turn>, ApiError> {
    if q.is_empty() { Ok(None) } else { app.turns.wait(allowed.viewer.id).await.map(Some) }
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
    let query = ListEventsQuery::read(params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
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
        q: query.q.0,
        status: String::new(),
        sort: order.column,
        is_ascending: order.is_ascending,
        after: order.after,
        after_value: order.after_value,
        limit: limit + 1,
    }
}
