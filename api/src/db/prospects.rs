//! Prospects in ClickHouse. Lists read the table from its end, in its order, until the page is full; one prospect is found
//! by way of `prospect_index`.

use std::net::Ipv6Addr;

use clickhouse::query::Query;
use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::db::scope::{self, EventScope};
use crate::error::ApiError;
use crate::policy::Grant;

/// A line of a list.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ProspectRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
}

/// Everything that is known of one.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ProspectDetailRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
    pub team_id: u64,
    pub campaign_id: u64,
    pub page: String,
    pub external_id: String,
    pub external_kind: String,
    pub subs: Vec<String>,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub utm_content: String,
    pub utm_term: String,
    pub keyword: String,
    pub creative_id: String,
    pub ad_campaign_id: String,
    pub placement: String,
    pub cost_micros: i64,
    pub currency: String,
    pub marks: Vec<String>,
    pub version: u32,
}

impl ProspectRow {
    /// As far as the grant goes: an address is customer data.
    #[must_use]
    pub fn within(self, grant: Grant) -> Self {
        if grant.customer_data { self } else { Self { ip: Ipv6Addr::UNSPECIFIED, ..self } }
    }
}

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
    /// Of the prospect; two capital letters, empty: any.
    pub country: String,
    /// Whether the prospect is held for a bot; `None`: either.
    pub is_bot: Option<bool>,
    pub q: String,
    /// Empty: any. Orders only.
    pub status: String,
    pub is_ascending: bool,
    /// The last event of the page before.
    pub after: Option<(i64, Uuid)>,
    pub limit: u32,
}

const COLUMNS: &str = "prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, ip, user_agent, referrer,
    toString(country) AS country, toString(device) AS device, toString(os) AS os, toString(browser) AS browser,
    toString(bot) AS bot";

const DETAILS: &str = "team_id, campaign_id, page, external_id, toString(external_kind) AS external_kind, subs,
    toString(utm_source) AS utm_source, toString(utm_medium) AS utm_medium, utm_campaign, utm_content, utm_term,
    keyword, creative_id, ad_campaign_id, placement, cost AS cost_micros,
    toString(currency) AS currency, arrayMap(mark -> toString(mark), marks) AS marks, version";

const SEARCH: &str = "AND (positionCaseInsensitiveUTF8(user_agent, {q:String}) > 0
    OR positionCaseInsensitiveUTF8(referrer, {q:String}) > 0 OR positionCaseInsensitiveUTF8(page, {q:String}) > 0
    OR external_id = {q:String} OR position(IPv6NumToString(ip), lower({q:String})) > 0)";

/// A page of prospects by time.
///
/// # Errors
/// When ClickHouse fails.
pub async fn list(client: &Client, filter: &EventFilter) -> Result<Vec<ProspectRow>, ApiError> {
    let (id, range) = ("prospect_id", filter.range_sql("prospect_id"));
    let search = if filter.q.is_empty() { "" } else { SEARCH };
    let direction = filter.direction_sql();
    let visit = filter.visit_sql();
    let sql = format!(
        "SELECT {COLUMNS} FROM prospects WHERE {range} {visit} {search} AND {}
         ORDER BY time {direction}, toUInt128({id}) {direction} LIMIT {{limit:UInt32}}",
        scope::EVENTS
    );
    fetch_all(filter.bind(client.query(&sql))).await
}

/// One prospect, if it is within the scope.
///
/// # Errors
/// When ClickHouse fails.
pub async fn find(
    client: &Client,
    scope: &EventScope,
    id: Uuid,
) -> Result<Option<ProspectDetailRow>, ApiError> {
    let sql = format!(
        "SELECT {COLUMNS}, {DETAILS} FROM prospects
         WHERE time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) = toUInt128({{id:UUID}}))
           AND prospect_id = {{id:UUID}} AND {} ORDER BY version DESC, time LIMIT 1",
        scope::EVENTS
    );
    fetch_optional(scope.bind(client.query(&sql)).param("id", id.to_string())).await
}

/// These prospects, whosever they are: for orders that the viewer may see.
///
/// # Errors
/// When ClickHouse fails.
pub async fn find_many(client: &Client, ids: &[Uuid]) -> Result<Vec<ProspectRow>, ApiError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM prospects
         WHERE time IN (SELECT time FROM prospect_index
                        WHERE toUInt128(prospect_id) IN (SELECT toUInt128(arrayJoin({{ids:Array(UUID)}}))))
           AND prospect_id IN (SELECT arrayJoin({{ids:Array(UUID)}}))"
    );
    fetch_all(client.query(&sql).param("ids", uuid_texts(ids))).await
}

/// UUIDs as ClickHouse reads them in an array.
#[must_use]
pub fn uuid_texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}

impl EventFilter {
    /// `DESC` or `ASC`.
    #[must_use]
    pub fn direction_sql(&self) -> &'static str {
        if self.is_ascending { "ASC" } else { "DESC" }
    }

    /// Whether only events that are somebody's or have a prospect can be meant.
    #[must_use]
    pub fn is_of_stored(&self) -> bool {
        self.team_id != 0 || self.campaign_id != 0 || !self.country.is_empty() || self.is_bot.is_some()
    }

    /// The condition on what only a prospect has, on the table of prospects; empty when there is none.
    #[must_use]
    pub fn visit_sql(&self) -> String {
        let mut sql = String::new();
        if !self.country.is_empty() {
            sql.push_str(" AND country = {country:String}");
        }
        if self.is_bot.is_some() {
            sql.push_str(" AND (bot != '') = {is_bot:Bool}");
        }
        sql
    }

    /// The condition of time range, keyset, buyer, team and campaign, on a table whose id is in this column.
    #[must_use]
    pub fn range_sql(&self, id_column: &'static str) -> String {
        let comparison = if self.is_ascending { ">" } else { "<" };
        format!(
            "time >= fromUnixTimestamp64Milli({{from_ms:Int64}}) AND time <= fromUnixTimestamp64Milli({{to_ms:Int64}})
             AND ({{user:UInt64}} = 0 OR user_id = {{user:UInt64}})
             AND ({{of_team:UInt64}} = 0 OR team_id = {{of_team:UInt64}})
             AND ({{of_campaign:UInt64}} = 0 OR campaign_id = {{of_campaign:UInt64}})
             AND ({{is_first:Bool}} OR (toUnixTimestamp64Milli(time), toUInt128({id_column}))
                  {comparison} ({{after_ms:Int64}}, toUInt128({{after_id:UUID}})))"
        )
    }

    /// Gives a query with the conditions above its parameters. The keyset narrows the time range, so that a late page
    /// reads no more than the first.
    pub fn bind(&self, query: Query) -> Query {
        let (mut from_ms, mut to_ms) = (self.from_ms, self.to_ms);
        let (after_ms, after_id) = self.after.unwrap_or_default();
        match self.after {
            Some(_) if self.is_ascending => from_ms = from_ms.max(after_ms),
            Some(_) => to_ms = to_ms.min(after_ms),
            None => {}
        }
        let query = self
            .scope
            .bind(query)
            .param("from_ms", from_ms)
            .param("to_ms", to_ms)
            .param("user", self.user_id)
            .param("of_team", self.team_id)
            .param("of_campaign", self.campaign_id)
            .param("is_first", self.after.is_none())
            .param("after_ms", after_ms)
            .param("after_id", after_id.to_string())
            .param("limit", self.limit);
        let query = if self.q.is_empty() { query } else { query.param("q", &self.q) };
        let query = if self.status.is_empty() { query } else { query.param("status", &self.status) };
        let query = if self.country.is_empty() { query } else { query.param("country", &self.country) };
        if let Some(is_bot) = self.is_bot { query.param("is_bot", is_bot) } else { query }
    }
}
