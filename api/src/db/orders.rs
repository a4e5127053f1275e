//! Orders and their contacts in ClickHouse.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sluice_schemas::id_time::{ID_TIME_SLACK_MS, born_between};
use uuid::Uuid;

use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::db::event_filter::{EventFilter, RANGE};
use crate::db::prospects::uuid_texts;
use crate::db::scope::EventScope;
use crate::db::search_text;
use crate::db::time_slices::{self, PageSlices};

/// An order without its contact.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct OrderRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
    pub status: String,
    pub status_text: String,
    pub payout_micros: i64,
    pub currency: String,
    pub version: u32,
}

/// The contact of an order: the customer's personal data.
#[derive(Debug, Clone, Default, Row, Deserialize)]
pub struct ContactRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub order_id: Uuid,
    pub email: String,
    pub phone_number: String,
    pub first_name: String,
    pub last_name: String,
    pub delivery_address: String,
}

const COLUMNS: &str =
    "order_id, prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id, campaign_id,
    toString(status) AS status, status_text, payout AS payout_micros,
    toString(currency) AS currency, version";

fn search_sql(filter: &EventFilter) -> String {
    if filter.q.is_empty() {
        return String::new();
    }
    // Every word is in one of the fields, so that a name is found in either order.
    let word_sql = |(index, word): (usize, String)| {
        let parameter = format!("{{word_{index}:String}}");
        let has = |column| format!("positionCaseInsensitiveUTF8({column}, {parameter}) > 0");
        let mut places =
            ["first_name", "last_name", "email", "delivery_address", "phone_number"].map(has).to_vec();
        if search_text::phone_digits(&word).is_some() {
            places.push(search_text::has_digits_sql("phone_number", &format!("{{digits_{index}:String}}")));
        }
        format!("({})", places.join(" OR "))
    };
    let words: Vec<String> = search_text::words(&filter.q).into_iter().enumerate().map(word_sql).collect();
    let mut places = words.join(" AND ");
    if search_text::phone_digits(&filter.q).is_some() {
        places.push_str(" OR ");
        places.push_str(&search_text::has_digits_sql("phone_number", "{digits:String}"));
    }
    format!(" AND order_id IN (SELECT order_id FROM order_contacts WHERE {RANGE} AND ({places}))")
}

/// Lists a page of orders. `now_ms` is the approximate time of the newest order.
pub async fn list(
    client: &Client,
    filter: &EventFilter,
    now_ms: u64,
) -> clickhouse::error::Result<Vec<OrderRow>> {
    let status = if filter.status.is_empty() { "" } else { " AND status = {status:String}" };
    let search = search_sql(filter);
    let slicing = match (filter.sort, filter.is_narrow()) {
        (Some(_), _) => time_slices::WHOLE,
        (None, true) => time_slices::FEW_ORDERS,
        (None, false) => time_slices::ORDERS,
    };
    let mut slices = PageSlices::new(client, slicing, filter, now_ms).await?;
    let mut rows = Vec::new();
    while let Some(slice) = slices.next(rows.len()) {
        let (conditions, order) = (slice.conditions_sql("order_id"), slice.order_sql("time", "order_id"));
        let sql = format!("SELECT {COLUMNS} FROM orders WHERE {conditions}{status}{search} {order}");
        rows.extend(fetch_all(slice.bind(client.query(&sql))).await?);
    }
    Ok(rows)
}

/// Finds an order within the scope.
pub async fn find(
    client: &Client,
    scope: &EventScope,
    id: Uuid,
) -> clickhouse::error::Result<Option<OrderRow>> {
    let (from_ms, to_ms) = born_between(id).unwrap_or((0, crate::db::MAX_TIME_MS));
    let sql = format!(
        "SELECT {COLUMNS} FROM orders
         WHERE {RANGE} AND order_id = {{id:UUID}} AND {} LIMIT 1",
        scope.events_sql()
    );
    let query = scope.bind(client.query(&sql)).param("id", id.to_string());
    fetch_optional(query.param("from_ms", from_ms).param("to_ms", to_ms)).await
}

/// Lists the newest orders of a prospect within the scope. An order is not older than its prospect,
/// except for the difference between the clocks of two edges.
pub async fn of_prospect(
    client: &Client,
    scope: &EventScope,
    prospect_id: Uuid,
    prospect_ms: i64,
) -> clickhouse::error::Result<Vec<OrderRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM orders
         WHERE time >= fromUnixTimestamp64Milli({{from_ms:Int64}}) AND prospect_id = {{id:UUID}} AND {}
         ORDER BY time DESC LIMIT 100",
        scope.events_sql()
    );
    let query = scope.bind(client.query(&sql)).param("id", prospect_id.to_string());
    fetch_all(query.param("from_ms", (prospect_ms - ID_TIME_SLACK_MS).max(0))).await
}

/// Loads the contacts of these orders.
pub async fn contacts(client: &Client, orders: &[OrderRow]) -> clickhouse::error::Result<Vec<ContactRow>> {
    let times = orders.iter().map(|order| order.time_ms);
    let (Some(from_ms), Some(to_ms)) = (times.clone().min(), times.max()) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = orders.iter().map(|order| order.order_id).collect();
    let sql = format!(
        "SELECT order_id, email, phone_number, first_name, last_name, delivery_address FROM order_contacts
         WHERE {RANGE} AND order_id IN (SELECT arrayJoin({{ids:Array(UUID)}}))"
    );
    let query = client.query(&sql).param("from_ms", from_ms).param("to_ms", to_ms);
    fetch_all(query.param("ids", uuid_texts(&ids))).await
}
