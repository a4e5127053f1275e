//! Parked events in ClickHouse: what waits for something that it names. Small beside the rest.

use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::fetch_all;
use crate::db::event_filter::EventFilter;
use crate::http::error::ApiError;

/// A parked event with its bytes.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ParkedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub event_id: Uuid,
    pub kind: String,
    pub reason: String,
    pub state: String,
    pub first_seen_ms: i64,
    pub last_tried_ms: i64,
    /// What it waits for.
    pub reference: String,
    /// Protobuf in base64, empty once it was replayed.
    pub payload: String,
}

/// Which parked events to list.
#[derive(Debug, Clone, Default)]
pub struct ParkedFilter {
    /// Empty: any.
    pub kind: &'static str,
    /// Empty: any.
    pub state: String,
    pub from_ms: i64,
    pub to_ms: i64,
    /// An event's id, or a part of what it waits for or was sent.
    pub q: String,
    pub is_ascending: bool,
    pub after: Option<(i64, Uuid)>,
    pub limit: u32,
}

impl ParkedFilter {
    /// The waiting orders that belong on a page of orders.
    #[must_use]
    pub fn waiting_orders(filter: &EventFilter) -> Self {
        Self {
            kind: "order",
            state: "waiting".to_owned(),
            from_ms: filter.from_ms,
            to_ms: filter.to_ms,
            q: filter.q.clone(),
            is_ascending: filter.is_ascending,
            after: filter.after,
            limit: filter.limit,
        }
    }
}

/// A page of parked events by the time they were first seen.
pub async fn list(client: &Client, filter: &ParkedFilter) -> Result<Vec<ParkedRow>, ApiError> {
    let (comparison, direction) = if filter.is_ascending { (">", "ASC") } else { ("<", "DESC") };
    let sql = format!(
        "SELECT event_id, toString(kind) AS kind, toString(reason) AS reason, toString(state) AS state,
                toUnixTimestamp64Milli(first_seen) AS first_seen_ms, toUnixTimestamp64Milli(last_tried) AS last_tried_ms,
                reference, payload
         FROM parked
         WHERE ({{kind:String}} = '' OR kind = {{kind:String}}) AND ({{state:String}} = '' OR state = {{state:String}})
           AND first_seen >= fromUnixTimestamp64Milli({{from_ms:Int64}})
           AND first_seen <= fromUnixTimestamp64Milli({{to_ms:Int64}})
           AND ({{q:String}} = '' OR toString(event_id) = lower({{q:String}}) OR reference = {{q:String}}
                OR positionCaseInsensitive(tryBase64Decode(payload), {{q:String}}) > 0)
           AND ({{is_first:Bool}} OR (toUnixTimestamp64Milli(first_seen), toUInt128(event_id))
                {comparison} ({{after_ms:Int64}}, toUInt128({{after_id:UUID}})))
         ORDER BY first_seen {direction}, toUInt128(event_id) {direction} LIMIT {{limit:UInt32}}"
    );
    let (after_ms, after_id) = filter.after.unwrap_or_default();
    let query = client
        .query(&sql)
        .param("kind", filter.kind)
        .param("state", &filter.state)
        .param("from_ms", filter.from_ms)
        .param("to_ms", filter.to_ms)
        .param("q", &filter.q)
        .param("is_first", filter.after.is_none())
        .param("after_ms", after_ms)
        .param("after_id", after_id.to_string())
        .param("limit", filter.limit);
    fetch_all(query).await
}

/// The parked event with this id.
pub async fn find(client: &Client, id: Uuid) -> Result<Option<ParkedRow>, ApiError> {
    let filter = ParkedFilter {
        q: id.to_string(),
        to_ms: crate::http::query::MAX_TIME_MS,
        limit: 2,
        ..ParkedFilter::default()
    };
    Ok(list(client, &filter).await?.into_iter().find(|row| row.event_id == id))
}
