//! What became of edits, and the statuses that orders have had, in ClickHouse.

use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::http::error::ApiError;

/// The outcome of a change.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct OutcomeRow {
    pub outcome: String,
    pub reason: String,
}

/// A status that an order was given.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct StatusRow {
    pub time_ms: i64,
    pub status: String,
    pub status_text: String,
    pub reason: String,
    pub actor_id: u64,
}

/// No order has had more statuses than are worth reading.
const MAX_STATUSES: u32 = 1000;

/// What became of a change; `None` while it is on its way.
pub async fn outcome(client: &Client, id: Uuid) -> Result<Option<OutcomeRow>, ApiError> {
    let sql = "SELECT toString(outcome) AS outcome, reason FROM changes
               WHERE toUInt128(change_id) = toUInt128({id:UUID}) LIMIT 1";
    fetch_optional(client.query(sql).param("id", id.to_string())).await
}

/// The statuses that an order was given, oldest first.
pub async fn statuses(client: &Client, order_id: Uuid) -> Result<Vec<StatusRow>, ApiError> {
    let sql = "SELECT toUnixTimestamp64Milli(time) AS time_ms, toString(status) AS status, status_text, reason, actor_id
               FROM order_status WHERE toUInt128(order_id) = toUInt128({id:UUID})
               ORDER BY time, toUInt128(change_id) LIMIT {limit:UInt32}";
    fetch_all(client.query(sql).param("id", order_id.to_string()).param("limit", MAX_STATUSES)).await
}
