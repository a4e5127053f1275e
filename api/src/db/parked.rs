//! Parked events in ClickHouse: events that wait for something that they refer to. The table is
//! small.

use clickhouse::{Client, Row};
use serde::Deserialize;
use uuid::Uuid;

use crate::db::clickhouse::fetch_all;
use crate::db::event_filter::{EventFilter, bind_search};
use crate::db::event_order::{EventColumn, EventValue};
use crate::db::search_text;

/// A parked event with its payload.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ParkedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub event_id: Uuid,
    pub kind: String,
    pub reason: String,
    pub state: String,
    pub first_seen_ms: i64,
    pub last_tried_ms: i64,
    /// The key or id that it waits for.
    pub reference: String,
    /// Protobuf in base64; empty after the replay.
    pub payload: String,
    /// The decision by which it was mended or ignored; 0: none.
    pub decision: u64,
    /// The reason why it is ignored.
    pub note: String,
}

impl ParkedRow {
    /// Whether an Owner ignores it, and can let it wait again.
    #[must_use]
    pub fn can_wait_again(&self) -> bool {
        self.state == "ignored" && self.decision != 0 && !self.payload.is_empty()
    }
}

/// Filters of a list of parked events.
#[derive(Debug, Clone, Default)]
pub struct ParkedFilter {
    /// Empty: any.
    pub kind: &'static str,
    /// Empty: any.
    pub state: String,
    /// Empty: any.
    pub reason: String,
    /// Only those that name exactly this.
    pub reference: Option<String>,
    pub from_ms: i64,
    pub to_ms: i64,
    /// The event's id, the reference, or a part of the payload.
    pub q: String,
    /// The column to sort by; `None`: by the time when the event was first seen.
    pub sort: Option<EventColumn>,
    pub is_ascending: bool,
    pub after: Option<(i64, Uuid)>,
    /// The value of the column in the last event of the previous page.
    pub after_value: Option<EventValue>,
    pub limit: u32,
}

impl ParkedFilter {
    /// Returns the filter of the waiting orders that belong on a page of orders; `None` if there
    /// are none. All of them have the same value in the columns by which orders are sorted.
    #[must_use]
    pub fn waiting_orders(filter: &EventFilter) -> Option<Self> {
        let is_beyond = match (filter.sort.map(waiting_value), &filter.after_value) {
            (Some(value), Some(after)) if value != *after => Some((value > *after) == filter.is_ascending),
            _ => None,
        };
        let after = filter.after.filter(|_| is_beyond.is_none());
        (is_beyond != Some(false)).then(|| Self {
            kind: "order",
            state: "waiting".to_owned(),
            reason: String::new(),
            reference: None,
            from_ms: filter.from_ms,
            to_ms: filter.to_ms,
            q: filter.q.clone(),
            sort: None,
            is_ascending: filter.is_ascending,
            after,
            after_value: None,
            limit: filter.limit,
        })
    }
}

/// Returns the value of an order that waits for its prospect.
#[must_use]
pub fn waiting_value(column: EventColumn) -> EventValue {
    match column {
        EventColumn::UserId => EventValue::Number(0),
        EventColumn::Payout => EventValue::Micros(0),
        _ => EventValue::Text(String::new()),
    }
}

impl ParkedRow {
    /// Returns the value of a column by which lists of parked events are sorted.
    #[must_use]
    pub fn value(&self, column: EventColumn) -> EventValue {
        match column {
            EventColumn::Kind => EventValue::Text(self.kind.clone()),
            EventColumn::Reason => EventValue::Text(self.reason.clone()),
            EventColumn::LastTried => EventValue::Number(self.last_tried_ms.unsigned_abs()),
            _ => EventValue::Text(self.state.clone()),
        }
    }
}

/// Returns the condition of a search: the id or the reference, a phone number with these digits, or
/// every word in the payload.
fn search_sql(q: &str) -> String {
    if q.is_empty() {
        return String::new();
    }
    let has =
        |index| format!("positionCaseInsensitiveUTF8(tryBase64Decode(payload), {{word_{index}:String}}) > 0");
    let words: Vec<String> = (0..search_text::words(q).len()).map(has).collect();
    let mut places = format!(
        "event_id = {{q_id:UUID}} OR reference IN {{q_spellings:Array(String)}} OR {}",
        words.join(" AND ")
    );
    if search_text::phone_digits(q).is_some() {
        places.push_str(" OR match(tryBase64Decode(payload), {digits_regex:String})");
    }
    format!("AND ({places})")
}

/// Lists a page of parked events.
pub async fn list(client: &Client, filter: &ParkedFilter) -> clickhouse::error::Result<Vec<ParkedRow>> {
    let (comparison, direction) = if filter.is_ascending { (">", "ASC") } else { ("<", "DESC") };
    let names = |column: EventColumn| {
        let parameter = format!("{{after_value:{}}}, ", column.type_sql());
        (format!("{}, ", column.sql()), format!("{} {direction}, ", column.sql()), parameter)
    };
    let (column, order, value) = filter.sort.map(names).unwrap_or_default();
    let after = format!(
        " AND ({column}toUnixTimestamp64Milli(first_seen), toUInt128(event_id))
                {comparison} ({value}{{after_ms:Int64}}, toUInt128({{after_id:UUID}}))"
    );
    let after = if filter.after.is_some() { after } else { String::new() };
    let search = search_sql(&filter.q);
    let sql = format!(
        "SELECT event_id, toString(kind) AS kind, toString(reason) AS reason, toString(state) AS state,
                toUnixTimestamp64Milli(first_seen) AS first_seen_ms, toUnixTimestamp64Milli(last_tried) AS last_tried_ms,
                reference, payload, decision, note
         FROM parked_log FINAL
         WHERE ({{kind:String}} = '' OR kind = {{kind:String}}) AND ({{state:String}} = '' OR state = {{state:String}})
           AND ({{reason:String}} = '' OR reason = {{reason:String}})
           AND (NOT {{has_reference:Bool}} OR reference = {{reference:String}})
           AND first_seen >= fromUnixTimestamp64Milli({{from_ms:Int64}})
           AND first_seen <= fromUnixTimestamp64Milli({{to_ms:Int64}})
           {search} {after}
         ORDER BY {order}first_seen {direction}, toUInt128(event_id) {direction} LIMIT {{limit:UInt32}}"
    );
    let (after_ms, after_id) = filter.after.unwrap_or_default();
    let query = bind_search(&filter.q, client.query(&sql))
        .param("kind", filter.kind)
        .param("state", &filter.state)
        .param("reason", &filter.reason)
        .param("has_reference", filter.reference.is_some())
        .param("reference", filter.reference.as_deref().unwrap_or_default())
        .param("from_ms", filter.from_ms)
        .param("to_ms", filter.to_ms)
        .param("after_value", filter.after_value.as_ref().map(EventValue::to_string).unwrap_or_default())
        .param("after_ms", after_ms)
        .param("after_id", after_id.to_string())
        .param("limit", filter.limit);
    fetch_all(query).await
}

/// Finds a parked event by its id.
pub async fn find(client: &Client, id: Uuid) -> clickhouse::error::Result<Option<ParkedRow>> {
    let filter = ParkedFilter {
        q: id.to_string(),
        to_ms: crate::db::MAX_TIME_MS,
        limit: 2,
        ..ParkedFilter::default()
    };
    Ok(list(client, &filter).await?.into_iter().find(|row| row.event_id == id))
}
