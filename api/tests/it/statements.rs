//! No list or detail sends more statements to the databases when there is more to show. The test
//! reads every GET operation of the OpenAPI document and every page, with 3 rows of everything and
//! with 30.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse as _, Response};
use sluice_api::http::guard::Surface;
use sluice_api::http::router::RouteInfo;
use sluice_api::policy::Position;
use sluice_api::routes;
use sluice_local::testing::servers;
use sluice_schemas::rows::OrderStatusRow;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use uuid::Uuid;

use crate::events::{
    id, insert_index, insert_orders, insert_prospects, order, order_id, park_order, prospect,
};
use crate::world::{Answer, NOW_MS, Person, World};

pub(crate) const FEW: u64 = 3;
pub(crate) const MANY: u64 = 30;
/// Least number of operations and pages, so that the walk cannot be empty.
const MIN_READINGS: usize = 36;
const MIN_PAGES: usize = 8;

/// Statements sent to Postgres and to ClickHouse.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    postgres: Arc<AtomicUsize>,
    clickhouse: Arc<AtomicUsize>,
}

/// The statements of a request, and the rows that it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    postgres: usize,
    clickhouse: usize,
    /// Rows of a list; `None` for anything else.
    n_items: Option<usize>,
}

impl Counts {
    pub(crate) fn take(&self) -> (usize, usize) {
        (self.postgres.swap(0, Ordering::Relaxed), self.clickhouse.swap(0, Ordering::Relaxed))
    }

    fn reading(&self, answer: &Answer) -> Reading {
        let (postgres, clickhouse) = self.take();
        let items: Option<Vec<serde_json::Value>> = serde_json::from_str(&answer.text).ok();
        Reading { postgres, clickhouse, n_items: items.map(|items| items.len()) }
    }

    /// Starts a proxy that passes everything on to the tests' ClickHouse and counts requests.
    /// Returns its address.
    pub(crate) async fn clickhouse_proxy(&self) -> String {
        let upstream = servers().await.clickhouse_url.clone();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (client, count) = (reqwest::Client::new(), Arc::clone(&self.clickhouse));
        let pass_on = move |method: Method, uri: Uri, mut headers: HeaderMap, body: Bytes| {
            count.fetch_add(1, Ordering::Relaxed);
            headers.remove("host");
            headers.remove("transfer-encoding");
            let request = client.request(method, format!("{}{uri}", upstream.trim_end_matches('/')));
            async move { passed_back(request.headers(headers).body(body).send().await.unwrap()).await }
        };
        #[expect(clippy::disallowed_methods, reason = "lives as long as the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(pass_on)).await });
        url
    }
}

async fn passed_back(answer: reqwest::Response) -> Response {
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    (status, headers, answer.bytes().await.unwrap()).into_response()
}

/// Counts the log lines of sqlx, one for each statement.
impl Subscriber for Counts {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _: &Event<'_>) {
        self.postgres.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn more_rows_need_no_more_statements() {
    let counts = Counts::default();
    let proxy = counts.clickhouse_proxy().await;
    let world = World::with_events(|config| config.clickhouse.url = proxy).await;
    let owner = world.person("owner", Position::Owner).await;
    let coordinator = world.person("coordinator", Position::FundsCoordinator).await;
    world.sql("INSERT INTO user_images VALUES (1, 'image/png', 'x', 'etag')").await;
    // If the process has one subscriber and another test's thread logs a statement first,
    // tracing-core caches that nobody wants it. With two subscribers it asks both.
    let _other = tracing::Dispatch::new(counts.clone());
    let _guard = tracing::subscriber::set_default(counts.clone());
    grow(&world, &coordinator, 1, FEW).await;
    let few = read_all(&world, &owner, &counts).await;
    grow(&world, &coordinator, FEW + 1, MANY).await;
    let many = read_all(&world, &owner, &counts).await;
    for (path, before) in &few {
        let after = &many[path];
        assert_eq!(after.postgres, before.postgres, "{path}: {after:?} after {before:?}");
        // Fewer are fine: a full page needs no further slice of time.
        // Every few seconds one more: the frame of a page asks how fresh the events are.
        assert!(after.clickhouse <= before.clickhouse + 1, "{path}: {after:?} after {before:?}");
        // The data that identifies the caller is in Postgres.
        assert!(before.postgres > 0 || path.ends_with("/templates/"), "{path} asked nobody");
        // The templates of traffic sources are in the code, and settings in the configuration. A
        // search without a text finds nothing.
        let is_list = ["/templates/", "/search/", "/settings/"].iter().all(|part| !path.contains(part));
        if before.n_items.is_some() && is_list {
            assert!(after.n_items >= Some(MANY as usize), "{path} shows {:?}", after.n_items);
        }
    }
    assert_eq!(few.keys().collect::<Vec<_>>(), many.keys().collect::<Vec<_>>());
}

/// Returns the cost of every GET request, by its path.
async fn read_all(world: &World, owner: &Person, counts: &Counts) -> BTreeMap<String, Reading> {
    let mut readings = BTreeMap::new();
    let document = world.get("/openapi.json").await.json();
    for (template, methods) in document["paths"].as_object().unwrap() {
        if methods.get("get").is_none() {
            continue;
        }
        let path = with_id(template);
        // The first request does not count: it writes what is written once a minute.
        world.get_as(&path, owner).await;
        counts.take();
        let answer = world.get_as(&path, owner).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        readings.insert(path, counts.reading(&answer));
    }
    assert!(readings.len() >= MIN_READINGS, "{}", readings.len());
    let n_readings = readings.len();
    let mut visitor = world.visitor("owner").await;
    // Public pages may ask nobody.
    let is_asked = |route: &&RouteInfo| {
        matches!(route.surface, Surface::Page | Surface::Data) && route.rule.question().is_some()
    };
    for route in routes::routes(&world.app).1.iter().filter(is_asked) {
        let path = with_id(&route.path);
        // A stream of events does not end.
        if path.ends_with("/hits/") || path == "/live/events/" {
            continue;
        }
        visitor.get(&path).await;
        counts.take();
        let answer = visitor.get(&path).await;
        if answer.status == 200 {
            readings.insert(path, counts.reading(&answer));
        }
    }
    assert!(readings.len() - n_readings >= MIN_PAGES, "{readings:?}");
    readings
}

/// Returns the path with id 1, which has the most rows.
fn with_id(template: &str) -> String {
    let first = if template.contains("/prospects/") {
        id(1).to_string()
    } else if template.contains("/orders/") {
        order_id(1, NOW_MS).to_string()
    } else if template.contains("/parked/") && !template.contains("/decisions/") {
        order_id(1001, NOW_MS - 1).to_string()
    } else if template.contains("/sessions/") && !template.contains("/account/") {
        "00000000-0000-4000-8000-000000000001".to_owned()
    } else {
        "1".to_owned()
    };
    template.replace("{id}", &first)
}

/// Adds the rows with these numbers to every table, and also members to team 1, keys to campaign 1,
/// transfers to ad account 1, orders to prospect 1 and statuses to order 1.
pub(crate) async fn grow(world: &World, coordinator: &Person, from: u64, to: u64) {
    for (into, columns, values) in ROWS {
        let sql =
            format!("INSERT INTO {into} ({columns}) SELECT {values} FROM generate_series({from}, {to}) n");
        world.sql(&sql).await;
    }
    for _ in from..=to {
        let body = serde_json::json!({"kind": "top_up", "account_id": 1, "amount": "10"});
        let answer = world.post_json("/api/funds/transfers/create/", &body, Some(coordinator)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    let prospects: Vec<_> = (from..=to).map(|number| prospect(number, NOW_MS - number, 3)).collect();
    insert_prospects(world, &prospects).await;
    insert_index(world, &prospects).await;
    let first = prospect(1, NOW_MS - 1, 3);
    let orders: Vec<_> = (from..=to).map(|number| order(number, NOW_MS, &first)).collect();
    insert_orders(world, &orders).await;
    let mut insert = world.app.clickhouse.insert::<OrderStatusRow>("order_status").await.unwrap();
    for number in from..=to {
        insert.write(&status(number)).await.unwrap();
    }
    insert.end().await.unwrap();
    for number in from..=to {
        park_order(world, 1000 + number, NOW_MS - number, "nobody", "").await;
    }
}

fn status(number: u64) -> OrderStatusRow {
    OrderStatusRow {
        order_id: order_id(1, NOW_MS),
        time: (NOW_MS + number).try_into().unwrap(),
        status: "sale".to_owned(),
        status_text: String::new(),
        reason: String::new(),
        actor_id: number,
        change_id: Uuid::from_u128(number.into()),
    }
}

/// Table, columns, and the row of number `n`. Users 1 and 2 exist; each number adds a Buyer and a
/// Team Lead.
const ROWS: [(&str, &str, &str); 17] = [
    ("users", "username, username_key, password_hash", "'buyer' || n, 'buyer' || n, ''"),
    ("users", "username, username_key, password_hash, position", "'lead' || n, 'lead' || n, '', 'Team Lead'"),
    ("teams", "name, lead_id", "'Team ' || n, (SELECT id FROM users WHERE username = 'lead' || n)"),
    (
        "memberships",
        "team_id, user_id, during",
        "1, (SELECT id FROM users WHERE username = 'buyer' || n), tstzrange('epoch', NULL)",
    ),
    ("sources", "name", "'Source ' || n"),
    ("report_views", "user_id, name, query", "1, 'View ' || n, 'group_by=day'"),
    ("partners", "name", "'Partner ' || n"),
    ("campaigns", "name, source_id, partner_id", "'Campaign ' || n, n, n"),
    ("campaign_buyers", "campaign_id, user_id", "n, (SELECT id FROM users WHERE username = 'buyer' || n)"),
    ("tracking_keys", "key, campaign_id", "lpad(n::text, 16, 'k'), 1"),
    (
        "fund_accounts",
        "name, buyer_id, buyer_since, currency, created_at",
        "'Account ' || n, (SELECT id FROM users WHERE username = 'buyer' || n), 'epoch', 'USD', 'epoch'",
    ),
    (
        "fund_requests",
        "fund_account_id, buyer_id, amount_minor, currency, purpose, created_at",
        "n, (SELECT id FROM users WHERE username = 'buyer' || n), 100, 'USD', 'scale', 'epoch'",
    ),
    (
        "fund_budgets",
        "team_id, month, amount_minor, currency, created_at",
        "n, '2026-11-01', 100, 'USD', 'epoch'",
    ),
    (
        "fund_rates",
        "base, quote, day, rate_e9, created_at",
        "'EUR', 'USD', date '2026-11-01' - n::int, 1, 'epoch'",
    ),
    (
        "api_tokens",
        "user_id, name, token_hash, hint, scopes, created_at, expires_at",
        "1, 'Token ' || n, sha256(n::text::bytea), 'abc', '{read}', 'epoch', '2100-01-01'",
    ),
    (
        "sessions",
        "id, token_hash, user_id, csrf, created_at, expires_at",
        "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, sha256(n::text::bytea), 1,
         sha256(n::text::bytea), '2026-11-23', '2100-01-01'",
    ),
    (
        "parked_decisions",
        "act, reason, reference, note, n_events",
        "'ignore', 'unknown_key', 'key ' || n, 'a test', 1",
    ),
];
