//! Campaigns and buyers that had visits in the last days, and no longer have any.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::db::clickhouse::fetch_all;
use crate::db::figures::hours::HOUR_MS;
use crate::db::scope::EventScope;

/// A campaign or buyer without visits for this long is silent.
const SILENCE_MS: i64 = 24 * HOUR_MS;
/// The time for which the silence of a campaign is reported.
const DAYS_MS: i64 = 7 * 24 * HOUR_MS;
/// The most that are returned, the latest first.
const LIMIT: usize = 50;

/// The key of the events that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceOf {
    Campaigns,
    Buyers,
}

/// A campaign or buyer, and the last hour in which it had visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct SilentRow {
    pub id: u64,
    pub last_hour_ms: i64,
}

/// Returns the campaigns and buyers that are silent at a time.
pub async fn list(
    client: &Client,
    scope: &EventScope,
    of: SilenceOf,
    now_ms: i64,
) -> clickhouse::error::Result<Vec<SilentRow>> {
    let column = match of {
        SilenceOf::Campaigns => "campaign_id",
        SilenceOf::Buyers => "user_id",
    };
    let sql = format!(
        "SELECT {column} AS id, toInt64(toUnixTimestamp(max(hour))) * 1000 AS last_hour_ms
         FROM rollup_hourly
         WHERE hour >= toDateTime(intDiv({{from_ms:Int64}}, 1000), 'UTC')
           AND hour <= toDateTime(intDiv({{now_ms:Int64}}, 1000), 'UTC')
           AND batches = 0 AND prospects > 0 AND {column} != 0 AND {}
         GROUP BY {column} HAVING last_hour_ms <= {{silent_ms:Int64}} ORDER BY last_hour_ms DESC, id LIMIT {LIMIT}",
        scope.rollup_sql()
    );
    let query = scope.bind(client.query(&sql)).param("now_ms", now_ms);
    let query = query.param("from_ms", now_ms - SILENCE_MS - DAYS_MS);
    // The hour itself must have ended this long ago.
    fetch_all(query.param("silent_ms", now_ms - SILENCE_MS - HOUR_MS)).await
}
