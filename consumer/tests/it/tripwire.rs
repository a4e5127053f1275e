//! A proxy to ClickHouse that goes dead at a chosen insert or mutation, before it is done or before
//! it is answered. It can also hold one chosen request, or fail inserts. Chance would not hit the
//! moments between two steps of the protocol often enough.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// When the proxy goes dead, or what it does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trip {
    /// The insert reaches ClickHouse, but its answer does not come back.
    AfterInsert,
    /// The insert does not reach ClickHouse.
    BeforeInsert,
    /// The request with this text (in its body or, encoded, in its address) reaches ClickHouse only
    /// when it is released. Other requests pass meanwhile.
    Hold(&'static str),
    /// The first try of every insert fails in this way.
    FirstTries(Failure),
    /// Every insert is refused until the release, as by a ClickHouse whose disk is full.
    Refuse,
}

/// A failure of an insert that leaves its sender in doubt. The answer is an error each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The rows are stored.
    Unanswered,
    /// The token is stored, but the rows are not.
    TokenAlone,
    /// The insert reaches ClickHouse later than its repetition.
    Late,
    /// ClickHouse is still working on the insert when its sender gives up.
    Slow,
}

/// A running proxy. It ends with the test's runtime.
pub(crate) struct Tripwire {
    pub(crate) url: String,
    tripped: Arc<Notify>,
    released: Arc<Notify>,
    is_released: Arc<AtomicBool>,
}

struct State {
    target: String,
    n_left: AtomicUsize,
    trip: Trip,
    tripped: Arc<Notify>,
    released: Arc<Notify>,
    is_released: Arc<AtomicBool>,
    client: reqwest::Client,
    /// Tokens of the inserts that were tried.
    tokens: Mutex<HashSet<String>>,
}

impl Tripwire {
    /// Lets `n_left` inserts and mutations (or requests with the text) pass. Goes dead at the next
    /// one, or holds it.
    pub(crate) async fn start(target: &str, n_left: usize, trip: Trip) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tripped, released, is_released) = <(Arc<Notify>, Arc<Notify>, Arc<AtomicBool>)>::default();
        let state = Arc::new(State {
            target: target.to_owned(),
            n_left: AtomicUsize::new(n_left),
            trip,
            tripped: Arc::clone(&tripped),
            released: Arc::clone(&released),
            is_released: Arc::clone(&is_released),
            client: reqwest::Client::new(),
            tokens: Mutex::default(),
        });
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let service = service_fn(move |request| pass(Arc::clone(&state), request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { url, tripped, released, is_released }
    }

    /// Waits until the proxy has gone dead or holds a request.
    pub(crate) async fn tripped(&self) {
        self.tripped.notified().await;
    }

    /// Lets the held request pass, or stops refusing inserts.
    pub(crate) fn release(&self) {
        self.is_released.store(true, Ordering::SeqCst);
        self.released.notify_one();
    }
}

impl State {
    /// Whether this counted request is the chosen one. A dead proxy chooses every later one too.
    fn is_next_it(&self) -> bool {
        let left_after = |left: usize| match self.trip {
            Trip::Hold(_) => left.checked_sub(1).or(Some(usize::MAX)),
            _ => Some(left.saturating_sub(1)),
        };
        self.n_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left_after).unwrap() == 0
    }
}

async fn pass(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path_and_query().unwrap().to_string();
    let method = request.method().clone();
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let request = Forwarded { method, path, headers, body };
    if let Trip::FirstTries(failure) = state.trip
        && let Some(token) = request.token()
        && state.tokens.lock().unwrap().insert(token.split("%23").next().unwrap().to_owned())
    {
        return Ok(fail(&state, request, failure).await);
    }
    if state.trip == Trip::Refuse && request.token().is_some() && !state.is_released.load(Ordering::SeqCst) {
        return Ok(error(
            "Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)",
        ));
    }
    let Forwarded { path, body, .. } = &request;
    let is_counted = match state.trip {
        Trip::Hold(text) => path.contains(text) || String::from_utf8_lossy(body).contains(text),
        _ => path.contains("insert_deduplication_token") || path.contains("mutations_sync"),
    };
    let is_it = is_counted && state.is_next_it();
    match state.trip {
        Trip::BeforeInsert if is_it => return die(&state).await,
        Trip::Hold(_) if is_it => {
            state.tripped.notify_one();
            state.released.notified().await;
        }
        _ => {}
    }
    let answer = request.send(&state).await;
    if is_it && state.trip == Trip::AfterInsert {
        return die(&state).await;
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = answer.status();
    for (name, value) in answer.headers().iter().filter(|(name, _)| name.as_str().starts_with("x-clickhouse"))
    {
        response.headers_mut().insert(name, value.clone());
    }
    *response.body_mut() = Full::new(answer.bytes().await.unwrap());
    Ok(response)
}

/// A request on its way to ClickHouse.
#[derive(Clone)]
struct Forwarded {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Forwarded {
    /// The token of an insert, as the address has it.
    fn token(&self) -> Option<&str> {
        self.path.split("insert_deduplication_token=").nth(1)?.split('&').next()
    }

    async fn send(&self, state: &State) -> reqwest::Response {
        let url = format!("{}{}", state.target, self.path);
        let mut forward = state.client.request(self.method.clone(), url).body(self.body.clone());
        for (name, value) in self.headers.iter().filter(|(name, _)| is_end_to_end(name)) {
            forward = forward.header(name, value);
        }
        forward.send().await.unwrap()
    }

    /// Another statement with the rights and the database of this request.
    async fn ask(&self, state: &State, settings: &str, sql: String) {
        let database = self.path.split("database=").nth(1).unwrap().split('&').next().unwrap();
        let path = format!("/?database={database}&{settings}");
        let answer = Self { path, body: sql.into(), ..self.clone() }.send(state).await;
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

/// Makes an insert fail.
async fn fail(state: &Arc<State>, request: Forwarded, failure: Failure) -> Response<Full<Bytes>> {
    match failure {
        Failure::Unanswered => assert!(request.send(state).await.status().is_success()),
        Failure::TokenAlone => store_token(state, &request).await,
        Failure::Late | Failure::Slow => {
            let state = Arc::clone(state);
            let pause = if failure == Failure::Late { Duration::from_millis(500) } else { Duration::ZERO };
            #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                request.send(&state).await;
            });
        }
    }
    error("Code: 236. DB::Exception: the test gives up. (ABORTED)")
}

fn error(text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Leaves the token of an insert in a table without its rows, as a failure between the two does:
/// inserts another row of the same part under the token, and deletes that row.
async fn store_token(state: &State, request: &Forwarded) {
    let token = request.token().unwrap();
    let table = token.split("%2F").collect::<Vec<_>>()[token.matches("%2F").count() - 1];
    let (columns, condition) = match table {
        "rollup_hourly" => ("(hour, prospects) VALUES (MOMENT, 1)", "hour = MOMENT"),
        "outcomes" => ("(minute, count) VALUES (MOMENT, 1)", "minute = MOMENT"),
        "parked_log" => ("(last_tried) VALUES (MOMENT)", "last_tried = MOMENT"),
        "lanes" => ("(updated) VALUES (MOMENT)", "updated = MOMENT"),
        "verdicts" | "origin_edits" => ("(made) VALUES (MOMENT)", "made = MOMENT"),
        _ => ("(time) VALUES (MOMENT)", "time = MOMENT"),
    };
    let [columns, condition] = [columns, condition].map(|sql| sql.replace("MOMENT", "'2026-11-29 01:02:03'"));
    let settings = format!("async_insert=0&insert_deduplicate=1&insert_deduplication_token={token}");
    request.ask(state, &settings, format!("INSERT INTO {table} {columns}")).await;
    let sql = format!("ALTER TABLE {table} DELETE WHERE {condition}");
    request.ask(state, "mutations_sync=2", sql).await;
}

/// Whether a header describes the message and not this connection.
fn is_end_to_end(name: &HeaderName) -> bool {
    *name == CONTENT_TYPE || name.as_str().starts_with("x-clickhouse")
}

async fn die(state: &State) -> Result<Response<Full<Bytes>>, Infallible> {
    state.tripped.notify_one();
    std::future::pending().await
}
