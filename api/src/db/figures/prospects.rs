//! Prospects by time and by team: from the roll-up, and from the raw rows of cut hours.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::db::figures::hours::Hours;
use crate::db::scope::EventScope;
use crate::db::teams::TeamPeriod;

/// The sums of a piece of time that lies between two edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Row, Deserialize)]
pub struct SlotRow {
    /// A moment of the piece, in Unix milliseconds.
    pub at_ms: i64,
    pub n_prospects: i64,
    pub n_bots: i64,
}

/// The prospects of a team, or of a buyer whose events have no team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct TeamSumRow {
    /// 0: none.
    pub team_id: u64,
    /// The buyer; only without a team.
    pub user_id: u64,
    pub n_prospects: i64,
}

/// The first visit and order of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Row, Deserialize)]
pub struct BeginningRow {
    pub has_prospects: bool,
    pub has_campaign_prospects: bool,
    pub has_orders: bool,
}

/// Returns the sums of a range by time, oldest first: by hours, and in cut hours by quarters. The
/// quarter of `split_ms` is divided after this moment.
pub async fn by_time(
    client: &Client,
    scope: &EventScope,
    hours: &Hours,
    split_ms: i64,
) -> clickhouse::error::Result<Vec<SlotRow>> {
    let whole = format!(
        "SELECT greatest(toInt64(toUnixTimestamp(hour)) * 1000, {{from_ms:Int64}}) AS slot,
                sum(prospects) AS p, sum(bots) AS b
         FROM rollup_hourly WHERE {} AND {} GROUP BY slot",
        hours.rollup_sql(),
        scope.rollup_sql()
    );
    let cut = format!(
        "SELECT greatest(intDiv(toUnixTimestamp64Milli(time), 900000) * 900000,
                         if(toUnixTimestamp64Milli(time) > {{split_ms:Int64}}, {{split_ms:Int64}} + 1, 0),
                         {{from_ms:Int64}}) AS slot,
                toInt64(count()) AS p, toInt64(countIf(bot != '')) AS b
         FROM prospects WHERE {} AND {} GROUP BY slot",
        hours.events_sql(),
        scope.events_sql()
    );
    let Some(both) = union(hours, whole, cut) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT slot AS at_ms, sum(p) AS n_prospects, sum(b) AS n_bots FROM ({both}) GROUP BY slot ORDER BY slot"
    );
    fetch_all(hours.bind(scope.bind(client.query(&sql))).param("split_ms", split_ms)).await
}

/// Returns the prospects of each team in a range, and those without a team by their buyer.
pub async fn by_team(
    client: &Client,
    scope: &EventScope,
    hours: &Hours,
) -> clickhouse::error::Result<Vec<TeamSumRow>> {
    const KEYS: &str = "team_id AS team, if(team_id = 0, user_id, 0) AS buyer";
    let whole = format!(
        "SELECT {KEYS}, sum(prospects) AS p FROM rollup_hourly WHERE {} AND {} GROUP BY team, buyer",
        hours.rollup_sql(),
        scope.rollup_sql()
    );
    let cut = format!(
        "SELECT {KEYS}, toInt64(count()) AS p FROM prospects WHERE {} AND {} GROUP BY team, buyer",
        hours.events_sql(),
        scope.events_sql()
    );
    let Some(both) = union(hours, whole, cut) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT team AS team_id, buyer AS user_id, sum(p) AS n_prospects FROM ({both})
         GROUP BY team, buyer HAVING n_prospects != 0"
    );
    fetch_all(hours.bind(scope.bind(client.query(&sql)))).await
}

/// Returns the prospects without a team that their buyers brought while they were members, by team.
pub async fn credited(
    client: &Client,
    scope: &EventScope,
    (from_ms, to_ms): (i64, i64),
    periods: &[TeamPeriod],
) -> clickhouse::error::Result<Vec<TeamSumRow>> {
    let sql = format!(
        "SELECT period.2 AS team_id, toUInt64(0) AS user_id, toInt64(count()) AS n_prospects
         FROM (SELECT user_id, toUnixTimestamp64Milli(time) AS at_ms FROM prospects
               WHERE time >= fromUnixTimestamp64Milli({{from_ms:Int64}})
                 AND time <= fromUnixTimestamp64Milli({{to_ms:Int64}})
                 AND team_id = 0 AND user_id IN {{users:Array(UInt64)}} AND {}) AS event
         INNER JOIN (SELECT period, period.1 AS user_id
                     FROM (SELECT arrayJoin(arrayZip({{users:Array(UInt64)}}, {{teams:Array(UInt64)}},
                                                     {{begins:Array(Int64)}}, {{ends:Array(Int64)}})) AS period)
                    ) AS membership USING (user_id)
         WHERE at_ms >= period.3 AND at_ms < period.4
         GROUP BY team_id",
        scope.events_sql()
    );
    let id = |id: i64| u64::try_from(id).unwrap_or(0);
    let users: Vec<u64> = periods.iter().map(|period| id(period.user_id)).collect();
    let teams: Vec<u64> = periods.iter().map(|period| id(period.team_id)).collect();
    let begins: Vec<i64> = periods.iter().map(|period| period.since_ms).collect();
    let ends: Vec<i64> = periods.iter().map(|period| period.until_ms).collect();
    let query = scope.bind(client.query(&sql)).param("from_ms", from_ms).param("to_ms", to_ms);
    let query = query.param("users", users).param("teams", teams);
    fetch_all(query.param("begins", begins).param("ends", ends)).await
}

/// Returns whether the scope has prospects and orders at all.
pub async fn beginning(client: &Client, scope: &EventScope) -> clickhouse::error::Result<BeginningRow> {
    let sql = format!(
        "SELECT countIf(prospects > 0) > 0 AS has_prospects,
                countIf(prospects > 0 AND campaign_id != 0) > 0 AS has_campaign_prospects,
                countIf(orders > 0) > 0 AS has_orders
         FROM rollup_hourly WHERE batches = 0 AND {}",
        scope.rollup_sql()
    );
    Ok(fetch_optional(scope.bind(client.query(&sql))).await?.unwrap_or_default())
}

/// Returns the time of the oldest prospect, from the metadata of the parts, or 0 without prospects.
pub async fn earliest_ms(client: &Client) -> clickhouse::error::Result<i64> {
    Ok(fetch_optional(client.query("SELECT toUnixTimestamp64Milli(min(time)) FROM prospects"))
        .await?
        .unwrap_or(0))
}

/// Joins the two sources as far as the range has them.
fn union(hours: &Hours, whole: String, cut: String) -> Option<String> {
    match (hours.has_whole(), hours.has_cut()) {
        (true, true) => Some(format!("{whole} UNION ALL {cut}")),
        (true, false) => Some(whole),
        (false, true) => Some(cut),
        (false, false) => None,
    }
}
