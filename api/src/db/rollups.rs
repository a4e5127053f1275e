//! Hourly sums in ClickHouse, for figures and charts.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::db::clickhouse::fetch_all;
use crate::db::scope::EventScope;

/// The sums of one hour of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Row, Deserialize)]
pub struct HourRow {
    /// The start of the hour in Unix seconds.
    pub hour_s: i64,
    pub n_prospects: i64,
    pub n_bots: i64,
    pub n_orders: i64,
}

/// Returns the non-empty hours of a range, oldest first. The range is in Unix seconds, the end
/// exclusive.
pub async fn hours(
    client: &Client,
    scope: &EventScope,
    from_s: i64,
    to_s: i64,
) -> clickhouse::error::Result<Vec<HourRow>> {
    let sql = format!(
        "SELECT toInt64(toUnixTimestamp(hour)) AS hour_s, sum(prospects) AS n_prospects, sum(bots) AS n_bots,
                sum(orders) AS n_orders
         FROM rollup_hourly
         WHERE hour >= toDateTime({{from_s:Int64}}, 'UTC') AND hour <= toDateTime({{last_s:Int64}}, 'UTC')
               AND batches = 0 AND {}
         GROUP BY hour ORDER BY hour",
        scope.rollup_sql()
    );
    // The last hour that begins before the end. The markers of batches lie at the end of the month,
    // and this bound skips most of them.
    let last_s = (to_s - 1).div_euclid(3600) * 3600;
    fetch_all(scope.bind(client.query(&sql)).param("from_s", from_s).param("last_s", last_s)).await
}
