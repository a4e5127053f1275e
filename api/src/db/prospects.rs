//! Prospects in ClickHouse. Lists by time read the table from one end, in its order, until the page
//! is full. Single prospects are found through `prospect_index`.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use clickhouse::{Client, Row};
use serde::Deserialize;
use sluice_schemas::id_time::born_at;
use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::db::clickhouse::{fetch_all, fetch_optional};
use crate::db::event_filter::EventFilter;
use crate::db::event_order::{EventColumn, EventValue};
use crate::db::scope::EventScope;
use crate::db::search_text;
use crate::db::time_slices::{self, PageSlices};
use crate::policy::Grant;

/// A prospect in a list.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ProspectRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
}

/// The columns of a prospect that its orders show.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct VisitRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
}

/// All columns of a prospect.
#[derive(Debug, Clone, Row, Deserialize)]
pub struct ProspectDetailRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub user_id: u64,
    pub ip: Ipv6Addr,
    pub user_agent: String,
    pub referrer: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
    pub team_id: u64,
    pub campaign_id: u64,
    pub page: String,
    pub external_id: String,
    pub external_kind: String,
    pub subs: Vec<String>,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub utm_content: String,
    pub utm_term: String,
    pub keyword: String,
    pub creative_id: String,
    pub ad_campaign_id: String,
    pub placement: String,
    pub cost_micros: i64,
    pub currency: String,
    pub marks: Vec<String>,
    pub version: u32,
}

/// Returns the address, or `::` if the grant does not include customer data.
#[must_use]
pub fn shown_ip(ip: Ipv6Addr, grant: Grant) -> Ipv6Addr {
    if grant.customer_data { ip } else { Ipv6Addr::UNSPECIFIED }
}

impl ProspectRow {
    /// Returns the value of a column by which lists of prospects are sorted.
    #[must_use]
    pub fn value(&self, column: EventColumn) -> EventValue {
        match column {
            EventColumn::IpAddress => EventValue::Address(self.ip),
            EventColumn::UserAgent => EventValue::Text(self.user_agent.clone()),
            EventColumn::ReferralSource => EventValue::Text(self.referrer.clone()),
            EventColumn::UserId => EventValue::Number(self.user_id),
            _ => EventValue::Text(self.country.clone()),
        }
    }
}

impl From<ProspectRow> for VisitRow {
    fn from(row: ProspectRow) -> Self {
        let ProspectRow { prospect_id, time_ms, user_id, ip, user_agent, referrer, .. } = row;
        Self { prospect_id, time_ms, user_id, ip, user_agent, referrer }
    }
}

const VISIT: &str = "prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, ip, user_agent, referrer";

const KINDS: &str = "toString(country) AS country, toString(device) AS device, toString(os) AS os,
    toString(browser) AS browser, toString(bot) AS bot";

const DETAILS: &str = "team_id, campaign_id, page, external_id, toString(external_kind) AS external_kind, subs,
    toString(utm_source) AS utm_source, toString(utm_medium) AS utm_medium, utm_campaign, utm_content, utm_term,
    keyword, creative_id, ad_campaign_id, placement, cost AS cost_micros,
    toString(currency) AS currency, arrayMap(mark -> toString(mark), marks) AS marks, version";

/// The range of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Only at the ids of visits and clicks, which have an index.
    Ids,
    /// At every text.
    Texts,
}

/// The visit with this id.
const HAS_ID: &str =
    "(time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) = toUInt128({q_id:UUID}))
    AND prospect_id = {q_id:UUID})";

/// Returns one condition for each column that a text is searched in. They are separate because the
/// skip index of a column only helps a condition on that column alone (`0007_text.sql`).
fn places_sql(q: &str, reach: Reach) -> Vec<String> {
    let is_external = if q.parse::<Uuid>().is_ok() {
        "external_id IN {q_spellings:Array(String)}".to_owned()
    } else {
        "external_id = {q:String}".to_owned()
    };
    if reach == Reach::Ids {
        return vec![is_external, HAS_ID.to_owned()];
    }
    let holds = |column: &str| {
        // Comparing in lower case takes two thirds of the time of a search that ignores case.
        if q.is_ascii() {
            format!("position(lower({column}), lower({{q:String}})) > 0")
        } else {
            format!("positionCaseInsensitiveUTF8({column}, {{q:String}}) > 0")
        }
    };
    let mut places = vec![is_external, holds("page"), holds("referrer"), holds("user_agent")];
    if search_text::address(q).is_some() {
        places.push("ip = toIPv6({q_ip:String})".to_owned());
    }
    // Formatting the address of every row is slow: only for a text that can be a part of one.
    if q.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')) {
        places.push("position(IPv6NumToString(ip), lower({q:String})) > 0".to_owned());
    }
    places
}

/// Returns the query of one slice of time.
fn page_sql(slice: &EventFilter, reach: Reach) -> String {
    let conditions = slice.conditions_sql("prospect_id");
    let order = |time_column| slice.order_sql(time_column, "prospect_id");
    let select = |filter: &str| format!("SELECT {VISIT}, {KINDS} FROM prospects {filter} {}", order("time"));
    if slice.q.is_empty() {
        return select(&format!("WHERE {conditions}"));
    }
    let places = places_sql(&slice.q, reach);
    let in_one = places.iter().enumerate().map(|(index, place)| {
        let before = places[..index].iter().map(|place| format!(" AND NOT ({place})")).collect::<String>();
        // The texts are the largest columns. Selective conditions are read before them, but
        // conditions that all rows meet are not.
        if slice.is_of_stored() || slice.is_narrow() {
            select(&format!("WHERE {conditions} AND {place}{before}"))
        } else {
            select(&format!("PREWHERE {place} WHERE {conditions}{before}"))
        }
    });
    // Reading in the order of time would search for a rare text in one part after another, with one
    // thread.
    format!(
        "SELECT * FROM ({}) {} SETTINGS optimize_read_in_order = 0",
        in_one.collect::<Vec<_>>().join(" UNION ALL "),
        order("time_ms")
    )
}

/// Lists a page of prospects. `now_ms` is the approximate time of the newest prospect.
///
/// A text that looks like an id is first searched as the id of a visit or a click. If no event has
/// it, it is searched as any other text. A later page does the same, since its first page was found
/// in one of the two ways.
pub async fn list(
    client: &Client,
    filter: &EventFilter,
    now_ms: u64,
) -> clickhouse::error::Result<Vec<ProspectRow>> {
    if filter.q.parse::<Uuid>().is_ok() {
        let found = list_within(client, filter, now_ms, Reach::Ids).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    list_within(client, filter, now_ms, Reach::Texts).await
}

async fn list_within(
    client: &Client,
    filter: &EventFilter,
    now_ms: u64,
    reach: Reach,
) -> clickhouse::error::Result<Vec<ProspectRow>> {
    let slicing = match (filter.sort, filter.q.as_str()) {
        (Some(_), _) => time_slices::WHOLE,
        (None, "") => time_slices::PROSPECTS,
        (None, _) if reach == Reach::Ids => time_slices::WHOLE,
        (None, _) => time_slices::TEXTS,
    };
    let mut slices = PageSlices::new(client, slicing, filter, now_ms).await?;
    let mut rows = Vec::new();
    while let Some(slice) = slices.next(rows.len()) {
        rows.extend(fetch_all(slice.bind(client.query(&page_sql(&slice, reach)))).await?);
    }
    Ok(rows)
}

/// Finds a prospect within the scope.
pub async fn find(
    client: &Client,
    scope: &EventScope,
    id: Uuid,
) -> clickhouse::error::Result<Option<ProspectDetailRow>> {
    let sql = format!(
        "SELECT {VISIT}, {KINDS}, {DETAILS} FROM prospects
         WHERE time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) = toUInt128({{id:UUID}}))
           AND prospect_id = {{id:UUID}} AND {} ORDER BY version DESC, time LIMIT 1",
        scope.events_sql()
    );
    fetch_optional(scope.bind(client.query(&sql)).param("id", id.to_string())).await
}

/// Finds prospects of any scope, for orders that the viewer may see. Looks for each at the time in
/// its id first, and uses the index only for those that are not there.
pub async fn find_many(client: &Client, ids: &[Uuid]) -> clickhouse::error::Result<Vec<VisitRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let born = ids.iter().filter_map(|id| born_at(*id)).filter(|born_ms| *born_ms <= MAX_TIME_MS);
    let at_birth = visits_at("SELECT fromUnixTimestamp64Milli(arrayJoin({born:Array(Int64)}), 'UTC')");
    let query = client.query(&at_birth).param("born", born.collect::<Vec<_>>());
    let mut found: Vec<VisitRow> = fetch_all(query.param("ids", uuid_texts(ids))).await?;
    let there: HashSet<Uuid> = found.iter().map(|row| row.prospect_id).collect();
    let missing: Vec<Uuid> = ids.iter().filter(|id| !there.contains(id)).copied().collect();
    if !missing.is_empty() {
        let indexed = visits_at(
            "SELECT time FROM prospect_index
             WHERE toUInt128(prospect_id) IN (SELECT toUInt128(arrayJoin({ids:Array(UUID)})))",
        );
        found.extend(fetch_all(client.query(&indexed).param("ids", uuid_texts(&missing))).await?);
    }
    Ok(found)
}

/// Returns the query for the prospects `ids` whose times are in the result of `times_sql`.
fn visits_at(times_sql: &str) -> String {
    format!(
        "SELECT {VISIT} FROM prospects
         WHERE time IN ({times_sql}) AND prospect_id IN (SELECT arrayJoin({{ids:Array(UUID)}}))"
    )
}

/// Formats UUIDs for a ClickHouse parameter of type `Array(UUID)`.
#[must_use]
pub fn uuid_texts(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(Uuid::to_string).collect()
}
