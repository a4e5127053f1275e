//! Which prospects or orders to list, as conditions in SQL: only those that were asked for, so that the engine reads no column
//! in vain.

use clickhouse::query::Query;
use uuid::Uuid;

use crate::db::scope::EventScope;

/// Which events to list, and where to go on.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub scope: EventScope,
    /// Unix milliseconds, both ends included.
    pub from_ms: i64,
    pub to_ms: i64,
    /// 0: anybody's.
    pub user_id: u64,
    /// 0: any team's, and nobody's.
    pub team_id: u64,
    /// 0: of any campaign, and of none.
    pub campaign_id: u64,
    /// The visitor's; two capital letters, empty: any.
    pub country: String,
    /// Whether the visitor is held for a bot; `None`: either.
    pub is_bot: Option<bool>,
    pub q: String,
    /// Empty: any. Orders only.
    pub status: String,
    pub is_ascending: bool,
    /// The last event of the page before.
    pub after: Option<(i64, Uuid)>,
    pub limit: u32,
}

impl EventFilter {
    /// Whether only events that are somebody's or have a prospect can be meant.
    #[must_use]
    pub fn is_of_stored(&self) -> bool {
        self.team_id != 0 || self.campaign_id != 0 || !self.country.is_empty() || self.is_bot.is_some()
    }

    /// Whether only few of all events can be meant: those of a buyer, a team or a campaign.
    #[must_use]
    pub fn is_narrow(&self) -> bool {
        !self.scope.is_all() || self.user_id != 0 || self.team_id != 0 || self.campaign_id != 0
    }

    /// The first and the last millisecond that may have events of the page: a page after another begins where that ended, so
    /// that a late page reads no more than the first.
    #[must_use]
    pub fn range_ms(&self) -> (i64, i64) {
        match self.after {
            Some((after_ms, _)) if self.is_ascending => (self.from_ms.max(after_ms), self.to_ms),
            Some((after_ms, _)) => (self.from_ms, self.to_ms.min(after_ms)),
            None => (self.from_ms, self.to_ms),
        }
    }

    /// The same within a slice of its time, for fewer events.
    #[must_use]
    pub fn within(&self, from_ms: i64, to_ms: i64, limit: u32) -> Self {
        Self { from_ms, to_ms, limit, ..self.clone() }
    }

    /// The condition of scope, time range, keyset, buyer, team, campaign, country and bot, on a table whose id is in this
    /// column.
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
        if let Some(is_bot) = self.is_bot {
            sql.push_str(if is_bot { " AND bot != ''" } else { " AND bot = ''" });
        }
        if self.after.is_some() {
            let comparison = if self.is_ascending { ">" } else { "<" };
            let after = format!(
                " AND (toUnixTimestamp64Milli(time), toUInt128({id_column}))
                      {comparison} ({{after_ms:Int64}}, toUInt128({{after_id:UUID}}))"
            );
            sql.push_str(&after);
        }
        sql
    }

    /// The order of a page and its end, by these columns.
    #[must_use]
    pub fn order_sql(&self, time_column: &'static str, id_column: &'static str) -> String {
        let direction = if self.is_ascending { "ASC" } else { "DESC" };
        format!(
            "ORDER BY {time_column} {direction}, toUInt128({id_column}) {direction} LIMIT {{limit:UInt32}}"
        )
    }

    /// Gives a query with the conditions above its parameters, and `q` and `status` theirs.
    pub fn bind(&self, query: Query) -> Query {
        let (from_ms, to_ms) = self.range_ms();
        let (after_ms, after_id) = self.after.unwrap_or_default();
        self.scope
            .bind(query)
            .param("from_ms", from_ms)
            .param("to_ms", to_ms)
            .param("user", self.user_id)
            .param("of_team", self.team_id)
            .param("of_campaign", self.campaign_id)
            .param("after_ms", after_ms)
            .param("after_id", after_id.to_string())
            .param("limit", self.limit)
            .param("q", &self.q)
            .param("status", &self.status)
            .param("country", &self.country)
    }
}

/// Both ends included.
pub const RANGE: &str =
    "time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND time <= fromUnixTimestamp64Milli({to_ms:Int64})";
