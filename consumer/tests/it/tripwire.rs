//! A way to ClickHouse that goes dead at a chosen insert or mutation: with it done but not answered, or before it is done; or
//! that holds one chosen question. What lies between two steps of the protocol cannot be met by chance often enough.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// When to go dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trip {
    /// The insert reaches ClickHouse, its answer does not come back.
    AfterInsert,
    /// The insert does not reach ClickHouse.
    BeforeInsert,
    /// The request with this text (in its body or, encoded, in its address) reaches ClickHouse when it is released, and others do meanwhile.
    Hold(&'static str),
}

/// A running proxy; ends with the test's runtime.
pub(crate) struct Tripwire {
    pub(crate) url: String,
    tripped: Arc<Notify>,
    released: Arc<Notify>,
}

struct State {
    target: String,
    n_left: AtomicUsize,
    trip: Trip,
    tripped: Arc<Notify>,
    released: Arc<Notify>,
    client: reqwest::Client,
}

impl Tripwire {
    /// Lets `n_left` inserts and mutations (or requests with the text) pass and goes dead at the next, or holds it.
    pub(crate) async fn start(target: &str, n_left: usize, trip: Trip) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tripped, released) = <(Arc<Notify>, Arc<Notify>)>::default();
        let state = Arc::new(State {
            target: target.to_owned(),
            n_left: AtomicUsize::new(n_left),
            trip,
            tripped: Arc::clone(&tripped),
            released: Arc::clone(&released),
            client: reqwest::Client::new(),
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
        Self { url, tripped, released }
    }

    /// Waits until it has gone dead, or holds a request.
    pub(crate) async fn tripped(&self) {
        self.tripped.notified().await;
    }

    /// Lets the request that is held pass.
    pub(crate) fn release(&self) {
        self.released.notify_one();
    }
}

impl State {
    /// Whether the counted request that comes now is the one; of those that go dead, every one after it is, too.
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
    let is_counted = match state.trip {
        Trip::Hold(text) => path.contains(text) || String::from_utf8_lossy(&body).contains(text),
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
    let mut forward = state.client.request(method, format!("{}{path}", state.target)).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| is_end_to_end(name)) {
        forward = forward.header(name, value);
    }
    let answer = forward.send().await.unwrap();
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

/// Whether a header is about the message and not about this connection.
fn is_end_to_end(name: &HeaderName) -> bool {
    *name == CONTENT_TYPE || name.as_str().starts_with("x-clickhouse")
}

async fn die(state: &State) -> Result<Response<Full<Bytes>>, Infallible> {
    state.tripped.notify_one();
    std::future::pending().await
}
