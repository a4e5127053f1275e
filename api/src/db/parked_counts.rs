//! Numbers of parked events in ClickHouse: by reason, by what they name, and by decision.

use std::collections::HashMap;

use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::{fetch_all, fetch_optional};

/// Parked events of one reason.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ReasonRow {
    pub reason: String,
    pub waiting: u64,
    pub replayed: u64,
    pub ignored: u64,
    /// The oldest that waits; 0 if none does.
    pub oldest_ms: i64,
}

/// Parked events that are alike: one reason, one reference, one state.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct AlikeRow {
    pub kind: String,
    pub reason: String,
    pub reference: String,
    pub state: String,
    pub n_events: u64,
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

/// Events that were not kept because there was no room, or that expired.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct LostRow {
    /// `dropped` or `expired`.
    pub outcome: String,
    pub reason: String,
    pub n_events: u64,
}

/// The events that a decision is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Row, Deserialize)]
pub struct Counted {
    pub n_events: u64,
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

/// The events to count.
#[derive(Debug, Clone)]
pub struct CountFilter<'a> {
    /// One event, else all alike.
    pub event_id: Option<Uuid>,
    pub reason: &'a str,
    pub reference: &'a str,
    /// Only those before this moment.
    pub before_ms: i64,
    /// Those that an Owner ignores and that can wait again, instead of those that wait.
    pub are_ignored: bool,
}

/// The events of a decision by their present state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Row, Deserialize)]
pub struct DoneRow {
    pub decision: u64,
    pub replayed: u64,
    pub ignored: u64,
}

/// A number of waiting events by a text.
#[derive(Debug, Clone, Row, Deserialize)]
struct KeyRow {
    key: String,
    n_events: u64,
}

/// Counts all parked events by reason.
pub async fn by_reason(client: &Client) -> clickhouse::error::Result<Vec<ReasonRow>> {
    let sql = "SELECT toString(reason) AS reason, countIf(state = 'waiting') AS waiting, countIf(state = 'replayed') AS replayed,
                      countIf(state = 'ignored') AS ignored,
                      toInt64(minIf(toUnixTimestamp64Milli(first_seen), state = 'waiting')) AS oldest_ms
               FROM parked GROUP BY reason ORDER BY waiting DESC, reason";
    fetch_all(client.query(sql)).await
}

/// Counts the parked events that are not replayed by what they name, the most first.
pub async fn alike(client: &Client, limit: u32) -> clickhouse::error::Result<Vec<AlikeRow>> {
    let sql =
        "SELECT toString(kind) AS kind, toString(reason) AS reason, reference, toString(state) AS state,
                      count() AS n_events, min(toUnixTimestamp64Milli(first_seen)) AS oldest_ms,
                      max(toUnixTimestamp64Milli(first_seen)) AS newest_ms
               FROM parked WHERE state != 'replayed' GROUP BY kind, reason, reference, state
               ORDER BY n_events DESC, reason, reference, state LIMIT {limit:UInt32}";
    fetch_all(client.query(sql).param("limit", limit)).await
}

/// Counts the events since a moment (Unix seconds) that were dropped or that expired.
pub async fn lost(client: &Client, since: u32) -> clickhouse::error::Result<Vec<LostRow>> {
    let sql = "SELECT toString(outcome) AS outcome, toString(reason) AS reason, sum(count) AS n_events FROM outcomes
               WHERE minute >= toDateTime({since:UInt32}, 'UTC') AND outcome IN ('dropped', 'expired') AND batches = 0
               GROUP BY outcome, reason ORDER BY outcome, reason";
    fetch_all(client.query(sql).param("since", since)).await
}

/// Counts the events of a decision.
pub async fn count(client: &Client, which: &CountFilter<'_>) -> clickhouse::error::Result<Counted> {
    let sql = "SELECT count() AS n_events, min(toUnixTimestamp64Milli(first_seen)) AS oldest_ms,
                      max(toUnixTimestamp64Milli(first_seen)) AS newest_ms
               FROM parked_log FINAL
               WHERE if({is_one:Bool}, event_id = {event_id:UUID}, reason = {reason:String} AND reference = {reference:String})
                 AND toUnixTimestamp64Milli(first_seen) < {before_ms:Int64}
                 AND if({are_ignored:Bool}, state = 'ignored' AND decision != 0 AND payload != '', state = 'waiting')";
    let query = client
        .query(sql)
        .param("is_one", which.event_id.is_some())
        .param("event_id", which.event_id.unwrap_or_default().to_string())
        .param("reason", which.reason)
        .param("reference", which.reference)
        .param("before_ms", which.before_ms)
        .param("are_ignored", which.are_ignored);
    Ok(fetch_optional(query).await?.unwrap_or_default())
}

/// Counts the events that these decisions have ended.
pub async fn done(client: &Client, decisions: &[u64]) -> clickhouse::error::Result<HashMap<u64, DoneRow>> {
    let sql =
        "SELECT decision, countIf(state = 'replayed') AS replayed, countIf(state = 'ignored') AS ignored
               FROM parked_log FINAL WHERE has({decisions:Array(UInt64)}, decision) GROUP BY decision";
    let rows: Vec<DoneRow> = fetch_all(client.query(sql).param("decisions", decisions)).await?;
    Ok(rows.into_iter().map(|row| (row.decision, row)).collect())
}

/// Counts the waiting events of decisions about all alike: of each reason and reference (with a
/// space between them) those before its moment.
pub async fn waiting_alike(
    client: &Client,
    keys: &[String],
    befores: &[i64],
) -> clickhouse::error::Result<HashMap<String, u64>> {
    let sql = "SELECT concat(toString(reason), ' ', reference) AS key, count() AS n_events FROM parked
               WHERE state = 'waiting' AND has({keys:Array(String)}, key)
                 AND toUnixTimestamp64Milli(first_seen) < arrayElement({befores:Array(Int64)}, indexOf({keys:Array(String)}, key))
               GROUP BY key";
    let rows: Vec<KeyRow> =
        fetch_all(client.query(sql).param("keys", keys).param("befores", befores)).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.n_events)).collect())
}

/// Counts the waiting events with these ids.
pub async fn waiting_events(
    client: &Client,
    ids: &[String],
) -> clickhouse::error::Result<HashMap<String, u64>> {
    let sql = "SELECT toString(event_id) AS key, count() AS n_events FROM parked
               WHERE state = 'waiting' AND has({ids:Array(UUID)}, event_id) GROUP BY key";
    let rows: Vec<KeyRow> = fetch_all(client.query(sql).param("ids", ids)).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.n_events)).collect())
}
