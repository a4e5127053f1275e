//! Queries ClickHouse for the numbers and the list of parked events, for the command line.

use serde::Deserialize;
use uuid::Uuid;

use crate::store::{Store, StoreError};

/// The parked events with one reason, one reference and one state.
#[derive(Debug, Clone, PartialEq, Eq, clickhouse::Row, Deserialize)]
pub struct ParkedCount {
    pub kind: String,
    pub reason: String,
    pub reference: String,
    pub state: String,
    pub n_events: u64,
    /// Unix milliseconds of the oldest and the newest.
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

/// A parked event without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, clickhouse::Row, Deserialize)]
pub struct ParkedEvent {
    #[serde(with = "clickhouse::serde::uuid")]
    pub event_id: Uuid,
    pub kind: String,
    pub reason: String,
    pub reference: String,
    pub state: String,
    pub first_seen_ms: i64,
    pub decision: u64,
    pub note: String,
    /// Whether it could wait again.
    pub has_bytes: bool,
}

/// The requested parked events.
#[derive(Debug, Clone, Default)]
pub struct ParkedFilter {
    /// Empty: all.
    pub event_id: Option<Uuid>,
    pub reason: Option<String>,
    pub reference: Option<String>,
    pub state: Option<String>,
    /// Only those before this moment (Unix milliseconds).
    pub before_ms: Option<i64>,
    /// Only those that an Owner ignores, and that could wait again.
    pub is_ignored_by_decision: bool,
}

const WHERE: &str = "({event:UUID} = toUUIDOrZero('') OR event_id = {event:UUID}) \
     AND ({reason:String} = '' OR reason = {reason:String}) \
     AND (NOT {has_reference:Bool} OR reference = {reference:String}) \
     AND ({state:String} = '' OR state = {state:String}) \
     AND toUnixTimestamp64Milli(first_seen) < {before:Int64} \
     AND (NOT {ignored:Bool} OR (state = 'ignored' AND decision != 0 AND payload != ''))";

impl Store {
    /// Counts parked events, the most first, at most `limit` lines.
    pub async fn count_parked(
        &self,
        filter: &ParkedFilter,
        limit: u64,
    ) -> Result<Vec<ParkedCount>, StoreError> {
        let sql = format!(
            "SELECT toString(kind) AS kind, toString(reason) AS reason, reference, toString(state) AS state, \
                 count() AS n_events, min(toUnixTimestamp64Milli(first_seen)) AS oldest_ms, \
                 max(toUnixTimestamp64Milli(first_seen)) AS newest_ms \
             FROM parked_log FINAL WHERE {WHERE} GROUP BY kind, reason, reference, state \
             ORDER BY n_events DESC, reason, reference, state LIMIT {{limit:UInt64}}"
        );
        Ok(self.bind(&sql, filter).param("limit", limit).fetch_all().await?)
    }

    /// Lists parked events, the newest first.
    pub async fn list_parked(
        &self,
        filter: &ParkedFilter,
        limit: u64,
    ) -> Result<Vec<ParkedEvent>, StoreError> {
        let sql = format!(
            "SELECT event_id, toString(kind) AS kind, toString(reason) AS reason, reference, \
                 toString(state) AS state, toUnixTimestamp64Milli(first_seen) AS first_seen_ms, decision, note, \
                 payload != '' AS has_bytes \
             FROM parked_log FINAL WHERE {WHERE} ORDER BY first_seen DESC, event_id LIMIT {{limit:UInt64}}"
        );
        Ok(self.bind(&sql, filter).param("limit", limit).fetch_all().await?)
    }

    fn bind(&self, sql: &str, filter: &ParkedFilter) -> clickhouse::query::Query {
        self.client()
            .query(sql)
            .param("event", filter.event_id.unwrap_or_default().to_string())
            .param("reason", filter.reason.as_deref().unwrap_or_default())
            .param("has_reference", filter.reference.is_some())
            .param("reference", filter.reference.as_deref().unwrap_or_default())
            .param("state", filter.state.as_deref().unwrap_or_default())
            .param("before", filter.before_ms.unwrap_or(i64::MAX))
            .param("ignored", filter.is_ignored_by_decision)
    }
}
