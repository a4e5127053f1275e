//! Outcomes of edits and the status history of orders, in ClickHouse.

use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::{fetch_all, fetch_optional};

/// The outcome of an edit.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct OutcomeRow {
    pub outcome: String,
    pub reason: String,
}

/// The most statuses that are read at once.
const MAX_STATUSES: u32 = 1000;

/// Returns the outcome of an edit; `None` while the consumer has not applied it.
pub async fn outcome(client: &Client, id: Uuid) -> clickhouse::error::Result<Option<OutcomeRow>> {
    let sql = "SELECT toString(outcome) AS outcome, reason FROM changes
               WHERE toUInt128(change_id) = toUInt128({id:UUID}) LIMIT 1";
    fetch_optional(client.query(sql).param("id", id.to_string())).await
}

/// A status in the history of an order.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct StatusRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    pub time_ms: i64,
    pub status: String,
    pub status_text: String,
    pub reason: String,
    pub actor_id: u64,
}

/// Lists the statuses of some orders, oldest first.
pub async fn statuses(client: &Client, order_ids: &[Uuid]) -> clickhouse::error::Result<Vec<StatusRow>> {
    if order_ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT order_id, toUnixTimestamp64Milli(time) AS time_ms, toString(status) AS status, status_text,
                      reason, actor_id
               FROM order_status WHERE toUInt128(order_id) IN (SELECT arrayJoin({ids:Array(UInt128)}))
               ORDER BY time, toUInt128(change_id) LIMIT {limit:UInt32}";
    let ids: Vec<u128> = order_ids.iter().map(Uuid::as_u128).collect();
    fetch_all(client.query(sql).param("ids", ids).param("limit", MAX_STATUSES)).await
}
