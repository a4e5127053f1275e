//! Filters of lists of prospects and orders, as SQL conditions. An unset filter adds no condition,
//! so that ClickHouse does not read its column.

use std::net::Ipv6Addr;

use clickhouse::query::Query;
use uuid::Uuid;

use crate::db::event_conditions::Conditions;
use crate::db::event_order::{EventColumn, EventValue};
use crate::db::scope::EventScope;
use crate::db::search_text;

/// Filters of a list of events, and its keyset.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub scope: EventScope,
    /// Unix milliseconds, both ends included.
    pub from_ms: i64,
    pub to_ms: i64,
    /// 0: any buyer.
    pub user_id: u64,
    /// 0: any team or none.
    pub team_id: u64,
    /// 0: any campaign or none.
    pub campaign_id: u64,
    /// The visitor's country in two capital letters; empty: any.
    pub country: String,
    /// Further conditions on the columns of the table.
    pub conditions: Conditions,
    pub q: String,
    /// Empty: any. Used for orders only.
    pub status: String,
    /// The column to sort by; `None`: by time.
    pub sort: Option<EventColumn>,
    pub is_ascending: bool,
    /// Time and id of the last event of the previous page.
    pub after: Option<(i64, Uuid)>,
    /// The value of the column in that event.
    pub after_value: Option<EventValue>,
    pub limit: u32,
}

impl EventFilter {
    /// Returns whether the filters exclude parked events: these have no team, campaign, country or
    /// bot yet.
    #[must_use]
    pub fn is_of_stored(&self) -> bool {
        self.team_id != 0 || self.campaign_id != 0 || !self.country.is_empty() || !self.conditions.is_empty()
    }

    /// Returns whether the filters match few of all events: those of one buyer, team or campaign.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        !self.scope.is_all() || self.user_id != 0 || self.team_id != 0 || self.campaign_id != 0
    }

    /// Returns the first and the last millisecond that may have events of the page. A later page
    /// starts where the previous one ended, so that it reads no more than the first.
    #[must_use]
    pub fn range_ms(&self) -> (i64, i64) {
        match self.after.filter(|_| self.sort.is_none()) {
            Some((after_ms, _)) if self.is_ascending => (self.from_ms.max(after_ms), self.to_ms),
            Some((after_ms, _)) => (self.from_ms, self.to_ms.min(after_ms)),
            None => (self.from_ms, self.to_ms),
        }
    }

    /// Returns the same filter for a slice of its time range, with another limit.
    #[must_use]
    pub fn within(&self, from_ms: i64, to_ms: i64, limit: u32) -> Self {
        Self { from_ms, to_ms, limit, ..self.clone() }
    }

    /// Returns the condition of scope, time range, keyset, buyer, team, campaign, country and bot,
    /// for a table with this id column.
    #[must_use]
    pub fn conditions_sql(&self, id_column: &'static str) -> String {
        let mut sql = format!("{RANGE} AND {}", self.scope.events_sql());
        if self.user_id != 0 {
            sql.push_str(" AND user_id = {user:UInt64}");
        }
        if self.team_id != 0 {
            sql.push_str(" AND team_id = {of_team:UInt64}");
        }
        if self.campaign_id != 0 {
            sql.push_str(" AND campaign_id = {of_campaign:UInt64}");
        }
        if !self.country.is_empty() {
            sql.push_str(" AND country = {country:String}");
        }
        sql.push_str(&self.conditions.sql());
        if self.after.is_some() {
            let comparison = if self.is_ascending { ">" } else { "<" };
            let column = |column: EventColumn| {
                (format!("{}, ", column.sql()), format!("{{after_value:{}}}, ", column.type_sql()))
            };
            let (column, value) = self.sort.map(column).unwrap_or_default();
            let after = format!(
                " AND ({column}toUnixTimestamp64Milli(time), toUInt128({id_column}))
                      {comparison} ({value}{{after_ms:Int64}}, toUInt128({{after_id:UUID}}))"
            );
            sql.push_str(&after);
        }
        sql
    }

    /// Returns the `ORDER BY` and `LIMIT` of a page, by these columns.
    #[must_use]
    pub fn order_sql(&self, time_column: &'static str, id_column: &'static str) -> String {
        let direction = if self.is_ascending { "ASC" } else { "DESC" };
        let column = self.sort.map(|column| format!("{} {direction}, ", column.sql())).unwrap_or_default();
        format!(
            "ORDER BY {column}{time_column} {direction}, toUInt128({id_column}) {direction}
             LIMIT {{limit:UInt32}}"
        )
    }

    /// Binds the parameters of the conditions above, and `q` and `status`.
    pub fn bind(&self, query: Query) -> Query {
        let (from_ms, to_ms) = self.range_ms();
        let (after_ms, after_id) = self.after.unwrap_or_default();
        self.conditions
            .bind(bind_search(&self.q, self.scope.bind(query)))
            .param("from_ms", from_ms)
            .param("to_ms", to_ms)
            .param("user", self.user_id)
            .param("of_team", self.team_id)
            .param("of_campaign", self.campaign_id)
            .param("after_ms", after_ms)
            .param("after_id", after_id.to_string())
            .param("after_value", self.after_value.as_ref().map(EventValue::to_string).unwrap_or_default())
            .param("limit", self.limit)
            .param("status", &self.status)
            .param("country", &self.country)
    }
}

/// Binds `q`, and its words, digits, address and spellings as `search_text` reads them. A text that
/// has none of these leaves the parameter out, or empty.
pub fn bind_search(q: &str, query: Query) -> Query {
    let digits = |text: &str| search_text::phone_digits(text).unwrap_or_default();
    let query = search_text::words(q).into_iter().enumerate().fold(query, |query, (index, word)| {
        query.param(&format!("digits_{index}"), digits(&word)).param(&format!("word_{index}"), word)
    });
    let address = search_text::address(q).unwrap_or(Ipv6Addr::UNSPECIFIED);
    query
        .param("q", q)
        .param("digits", digits(q))
        .param("digits_regex", search_text::digits_regex(&digits(q)))
        .param("q_ip", address.to_string())
        .param("q_id", q.parse::<Uuid>().unwrap_or_default().to_string())
        .param("q_spellings", search_text::id_spellings(q))
}

/// The condition of a time range, both ends included.
pub const RANGE: &str =
    "time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND time <= fromUnixTimestamp64Milli({to_ms:Int64})";
