//! Orders and their payouts by time, status and currency.

use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::db::clickhouse::fetch_all;
use crate::db::scope::EventScope;

/// Orders of one status and currency between two edges.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct OrderSumRow {
    /// Number of the last edge before these orders, from 0.
    pub slot: u32,
    pub status: String,
    pub currency: String,
    pub n_orders: i64,
    /// The sum of their payouts, in millionths.
    pub payout_micros: i128,
}

/// Sums the orders from the first edge to a moment. The edges are starts in Unix milliseconds, in
/// order.
pub async fn by_time(
    client: &Client,
    scope: &EventScope,
    edges: &[i64],
    to_ms: i64,
) -> clickhouse::error::Result<Vec<OrderSumRow>> {
    let sql = format!(
        "SELECT toUInt32(arrayCount(edge -> edge <= toUnixTimestamp64Milli(time), {{edges:Array(Int64)}}) - 1) AS slot,
                toString(status) AS status, toString(currency) AS currency, toInt64(count()) AS n_orders,
                toInt128(sum(payout) * 1000000) AS payout_micros
         FROM orders
         WHERE time >= fromUnixTimestamp64Milli({{from_ms:Int64}})
           AND time <= fromUnixTimestamp64Milli({{to_ms:Int64}}) AND {}
         GROUP BY slot, status, currency ORDER BY slot, status, currency",
        scope.events_sql()
    );
    let query = scope.bind(client.query(&sql)).param("edges", edges).param("to_ms", to_ms);
    fetch_all(query.param("from_ms", edges.first().copied().unwrap_or(0))).await
}
