//! The service of one test: databases, a stub of an edge, users, and requests.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use argon2::{Argon2, Params, PasswordHasher as _};
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use sluice_api::cli::migrate;
use sluice_api::config::{Config, PostgresConfig, Registration};
use sluice_api::db::users::{self, NewUser};
use sluice_api::http::connections::ConnectionLimits;
use sluice_api::http::middleware::Service;
use sluice_api::http::serve;
use sluice_api::http::state::App;
use sluice_api::metrics::Metrics;
use sluice_api::policy::Position;
use sluice_api::routes;
use sluice_local::testing::{clickhouse_database, postgres_copy, postgres_database, servers};
use sluice_runtime::clock::Clock;
use sluice_runtime::config::Secret;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::Readiness;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

use crate::described::check;

/// The time in all tests: 2026-11-23 15:00:00 UTC, a Monday.
pub(crate) const NOW_MS: u64 = 1_795_446_000_000;
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The hash of everybody's password. Its check takes the least possible work, because each test
/// logs several people in.
static PASSWORD_HASH: LazyLock<String> = LazyLock::new(|| {
    let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None).unwrap();
    Argon2::from(params).hash_password(PASSWORD.as_bytes()).unwrap().to_string()
});

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Clock,
    pub(crate) edge: StubEdge,
    service: Service,
}

/// A person with an access token.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) id: i64,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns status and body in one line, for snapshots.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.status, self.text)
    }

    pub(crate) fn cookies(&self) -> Vec<String> {
        let pairs = self.headers.get_all(SET_COOKIE).iter();
        pairs.map(|value| value.to_str().unwrap().split(';').next().unwrap().to_owned()).collect()
    }
}

/// Creates a new, empty pair of databases. Returns their configuration.
pub(crate) async fn config() -> Config {
    let servers = servers().await;
    let mut config = Config::default();
    config.postgres.url = Secret::new(postgres_database().await);
    config.postgres.max_connections = 4;
    config.clickhouse.url.clone_from(&servers.clickhouse_url);
    config.clickhouse.user.clone_from(&servers.clickhouse_user);
    config.clickhouse.password = Secret::new(&servers.clickhouse_password);
    config.clickhouse.database = clickhouse_database().await;
    config.kafka.brokers.clone_from(&servers.kafka_brokers);
    config.edge.public_url = "https://edge.example".to_owned();
    config.auth.secret = Secret::new("a secret of the tests, 32 bytes long");
    config.auth.registration = Registration::Open;
    config
}

/// The OpenAPI document.
static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// Databases with all tables, to be copied (Postgres) or shared (ClickHouse).
static TEMPLATE: OnceCell<Config> = OnceCell::const_new();

/// Returns the configuration of databases with all tables. Postgres belongs to the test. ClickHouse
/// is shared and stays empty.
async fn config_with_tables() -> Config {
    let make = || async {
        let config = config().await;
        migrate::run(&config).await.unwrap();
        config
    };
    let template = TEMPLATE.get_or_init(make).await;
    let postgres_url = Secret::new(postgres_copy(template.postgres.url.expose()).await);
    let postgres = PostgresConfig { url: postgres_url, ..template.postgres.clone() };
    Config { postgres, ..template.clone() }
}

impl World {
    /// Creates a world without events. Tests that insert events need [`World::with_events`].
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config_with_tables().await;
        let edge = StubEdge::start().await;
        config.edge.url = format!("http://{}", edge.address);
        change(&mut config);
        Self::on(config, edge)
    }

    /// Creates a world with its own ClickHouse database.
    pub(crate) async fn with_events(change: impl FnOnce(&mut Config)) -> Self {
        let database = clickhouse_database().await;
        let world = Self::with(|config| {
            config.clickhouse.database = database;
            change(config);
        })
        .await;
        migrate::run(&world.app.config).await.unwrap();
        world
    }

    /// Returns the client that inserts events.
    pub(crate) fn events(&self) -> &clickhouse::Client {
        let database = &self.app.config.clickhouse.database;
        assert!(
            TEMPLATE.get().is_none_or(|shared| *database != shared.clickhouse.database),
            "events need World::with_events"
        );
        &self.app.clickhouse
    }

    /// Creates a world on existing databases.
    pub(crate) fn on(config: Config, edge: StubEdge) -> Self {
        let clock = Clock::manual(NOW_MS);
        let mut registry = prometheus_client::registry::Registry::default();
        let metrics = Metrics::register(&mut registry);
        let readiness = Readiness::starting(&sluice_api::http::health::PARTS);
        let app = App::new(config, clock.clone(), readiness, metrics).unwrap();
        Self { service: routes::build(&app), app, clock, edge }
    }

    /// Creates a user and logs them in.
    pub(crate) async fn person(&self, username: &str, position: Position) -> Person {
        let new = NewUser {
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            password_hash: PASSWORD_HASH.clone(),
            first_name: String::new(),
            last_name: String::new(),
            position,
            is_active: true,
            is_demo: false,
        };
        let id = users::insert(&self.app.postgres, &new).await.unwrap();
        let answer = self.login(username, PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Person { id, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
    }

    /// Creates a team with members since the epoch.
    pub(crate) async fn team(&self, name: &str, lead: impl Into<Option<i64>>, members: &[i64]) -> i64 {
        let id: i64 = sqlx::query_scalar("INSERT INTO teams (name, lead_id) VALUES ($1, $2) RETURNING id")
            .bind(name)
            .bind(lead.into())
            .fetch_one(&self.app.postgres)
            .await
            .unwrap();
        for member in members {
            self.sql(&format!(
                "INSERT INTO memberships (team_id, user_id, during) VALUES ({id}, {member}, tstzrange('epoch', NULL))"
            ))
            .await;
        }
        id
    }

    pub(crate) async fn sql(&self, statement: &str) {
        sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&self.app.postgres).await.unwrap();
    }

    /// Returns the number that a query selects.
    pub(crate) async fn sql_number(&self, query: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_one(&self.app.postgres).await.unwrap()
    }

    pub(crate) async fn login(&self, username: &str, password: &str) -> Answer {
        self.post_json("/api/users/login/", &json!({"username": username, "password": password}), None).await
    }

    /// Serves on a free port, with the limits of the configuration's defaults.
    pub(crate) async fn serve(&self, lifecycle: &Lifecycle) -> std::io::Result<SocketAddr> {
        self.serve_limited(ConnectionLimits::default(), lifecycle).await
    }

    pub(crate) async fn serve_limited(
        &self,
        limits: ConnectionLimits,
        lifecycle: &Lifecycle,
    ) -> std::io::Result<SocketAddr> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        serve::serve(listen, routes::build(&self.app), limits, &self.app.metrics, lifecycle).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get_as(&self, path: &str, person: &Person) -> Answer {
        let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {}", person.token));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value, person: Option<&Person>) -> Answer {
        let mut request = Request::post(path).header(CONTENT_TYPE, "application/json");
        if let Some(person) = person {
            request = request.header(AUTHORIZATION, format!("Bearer {}", person.token));
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::post(path).header(CONTENT_TYPE, content_type).body(body.into()).unwrap()).await
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry(HOST).or_insert("crm.example".parse().unwrap());
        let peer = SocketAddr::from(([192, 0, 2, 1], 5555));
        request.extensions_mut().insert(ConnectInfo(peer));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = self.answer(request).await;
        let ask =
            || async { self.answer(Request::get("/openapi.json").body(Body::empty()).unwrap()).await.json() };
        check(DOCUMENT.get_or_init(ask).await, &method, &path, &answer);
        answer
    }

    async fn answer(&self, request: Request<Body>) -> Answer {
        let (head, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Logs in through the page. The visitor keeps the cookies.
    pub(crate) async fn visitor(&self, username: &str) -> Visitor<'_> {
        let mut visitor = Visitor { world: self, cookies: Vec::new() };
        let page = visitor.get("/login/").await;
        let form = [
            ("csrf_token", token_in(&page)),
            ("username", username.to_owned()),
            ("password", PASSWORD.to_owned()),
        ];
        let answer = visitor.post("/login/", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        visitor
    }
}

/// A browser, logged in or not.
pub(crate) struct Visitor<'a> {
    pub(crate) world: &'a World,
    pub(crate) cookies: Vec<String>,
}

impl Visitor<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, String)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(form);
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body.finish())).unwrap()).await
    }

    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Answer {
        request.headers_mut().insert(COOKIE, self.cookies.join("; ").parse().unwrap());
        let answer = self.world.send(request).await;
        for cookie in answer.cookies() {
            let name = cookie.split_once('=').unwrap().0.to_owned() + "=";
            self.cookies.retain(|known| !known.starts_with(&name));
            self.cookies.push(cookie);
        }
        answer
    }
}

/// Returns the form token of a page.
pub(crate) fn token_in(page: &Answer) -> String {
    let (_, rest) = page.text.split_once("name=\"csrf_token\" value=\"").expect("the page has a form");
    rest.split('"').next().unwrap().to_owned()
}

/// The requests that the edge received.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An edge that answers 201 and records requests.
#[derive(Clone)]
pub(crate) struct StubEdge {
    pub(crate) address: SocketAddr,
    pub(crate) sent: Arc<Mutex<Vec<Sent>>>,
}

impl StubEdge {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&sent);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let kept = Arc::clone(&kept);
            async move {
                let sent = Sent { method, path: uri.path().to_owned(), headers, body: body.clone() };
                kept.lock().unwrap().push(sent);
                stub_answer(&body)
            }
        };
        #[expect(clippy::disallowed_methods, reason = "lives as long as the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Self { address, sent }
    }

    pub(crate) fn last(&self) -> Sent {
        self.sent.lock().unwrap().last().cloned().expect("the edge was asked")
    }

    pub(crate) fn n_asked(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

fn stub_answer(body: &Bytes) -> Response {
    let mut echoed: Value = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
    echoed["id"] = json!("0192f5a0-1234-7000-8000-000000000001");
    let headers = [
        ("x-sluice-outcome", "accepted"),
        ("access-control-allow-origin", "https://landing.example"),
        ("access-control-allow-credentials", "true"),
        ("x-internal", "not for you"),
    ];
    (StatusCode::CREATED, headers, axum::Json(echoed)).into_response()
}
