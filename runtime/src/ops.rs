//! The operators' port: `/livez`, `/readyz` (503 with the reasons if not ready), `/status` (the
//! same and more as JSON, for `/system/`) and `/metrics` (OpenMetrics text). It is separate from
//! the public ports, so that a flood there does not hide the metrics.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;

/// The port for operators: health and metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpsConfig<const PORT: u16> {
    /// Serves `/livez`, `/readyz`, `/status` and `/metrics` here.
    pub listen: SocketAddr,
}

impl<const PORT: u16> Default for OpsConfig<PORT> {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], PORT)) }
    }
}

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ready,
    NotReady,
    Draining,
}

/// The answer of `/status`. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub state: State,
    /// When it became ready, or ceased to be.
    pub since_ms: u64,
    pub started_ms: u64,
    /// The reasons why it is not ready, by part.
    pub reasons: BTreeMap<String, String>,
}

/// The reasons why a service is not ready, by part. The service is ready if there are none.
#[derive(Debug, Clone)]
pub struct Readiness {
    known: Arc<Mutex<Known>>,
    started_ms: u64,
}

#[derive(Debug)]
struct Known {
    reasons: BTreeMap<&'static str, String>,
    /// When the first reason came or the last one went.
    since_ms: u64,
}

impl Default for Readiness {
    fn default() -> Self {
        Self::starting(&[])
    }
}

impl Readiness {
    /// Not ready until each of these parts is reported ready.
    #[must_use]
    pub fn starting(parts: &[&'static str]) -> Self {
        let started_ms = Clock::System.now_ms();
        let reasons = parts.iter().map(|part| (*part, "starting".to_owned())).collect();
        Self { known: Arc::new(Mutex::new(Known { reasons, since_ms: started_ms })), started_ms }
    }

    /// Reports a part ready.
    pub fn ready(&self, part: &'static str) {
        let mut known = self.lock();
        if known.reasons.remove(part).is_some() && known.reasons.is_empty() {
            known.since_ms = Clock::System.now_ms();
        }
    }

    /// Reports a part not ready, with the reason.
    pub fn not_ready(&self, part: &'static str, reason: impl Into<String>) {
        let mut known = self.lock();
        if known.reasons.is_empty() {
            known.since_ms = Clock::System.now_ms();
        }
        known.reasons.insert(part, reason.into());
    }

    /// Returns whether all parts are ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().reasons.is_empty()
    }

    /// `part: reason` lines; empty when ready.
    #[must_use]
    pub fn reasons(&self) -> String {
        self.lock().reasons.iter().map(|(part, reason)| format!("{part}: {reason}\n")).collect()
    }

    /// Returns the state of a service that does not drain.
    #[must_use]
    pub fn status(&self) -> Status {
        let known = self.lock();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: if known.reasons.is_empty() { State::Ready } else { State::NotReady },
            since_ms: known.since_ms,
            started_ms: self.started_ms,
            reasons: known
                .reasons
                .iter()
                .map(|(part, reason)| ((*part).to_owned(), reason.clone()))
                .collect(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the operators' port until the process ends, because health must be visible during a drain
/// too. Returns the bound address.
pub async fn serve(
    listen: SocketAddr,
    registry: Registry,
    readiness: Readiness,
    lifecycle: &Lifecycle,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let bound = listener.local_addr()?;
    let page = Arc::new(Page { registry, readiness, lifecycle: lifecycle.clone() });
    #[expect(
        clippy::disallowed_methods,
        reason = "answers during the drain, which therefore must not wait for it"
    )]
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Probably out of file descriptors: the service needs a moment to close some.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            };
            let page = Arc::clone(&page);
            let service = service_fn(move |request| {
                let page = Arc::clone(&page);
                async move { Ok::<_, Infallible>(page.answer(&request)) }
            });
            tokio::spawn(async move {
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service);
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "operators' connection ended");
                }
            });
        }
    });
    Ok(bound)
}

struct Page {
    registry: Registry,
    readiness: Readiness,
    lifecycle: Lifecycle,
}

impl Page {
    fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match request.uri().path() {
            "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" => self.readyz(),
            "/status" => self.status(),
            "/metrics" => self.metrics(),
            _ => text(StatusCode::NOT_FOUND, "not found; there are /livez, /readyz, /status and /metrics\n"),
        }
    }

    fn readyz(&self) -> Response<Full<Bytes>> {
        if self.lifecycle.draining().is_cancelled() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
        }
        let reasons = self.readiness.reasons();
        if reasons.is_empty() {
            text(StatusCode::OK, "ready\n")
        } else {
            text(StatusCode::SERVICE_UNAVAILABLE, reasons)
        }
    }

    fn status(&self) -> Response<Full<Bytes>> {
        let mut status = self.readiness.status();
        if self.lifecycle.draining().is_cancelled() {
            status.state = State::Draining;
        }
        let Ok(body) = serde_json::to_vec(&status) else {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "the status cannot be written\n");
        };
        typed(StatusCode::OK, body, "application/json")
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut body = String::new();
        if prometheus_client::encoding::text::encode(&mut body, &self.registry).is_err() {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n");
        }
        typed(StatusCode::OK, body, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    typed(status, body, "text/plain; charset=utf-8")
}

fn typed(status: StatusCode, body: impl Into<Bytes>, kind: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_gives_its_reasons_and_a_drain_ends_it() {
        let lifecycle = Lifecycle::default();
        let readiness = Readiness::starting(&["kafka", "clickhouse"]);
        let listen = "127.0.0.1:0".parse().unwrap();
        let bound = serve(listen, Registry::default(), readiness.clone(), &lifecycle).await.unwrap();
        let get = |path: &str| {
            let url = format!("http://{bound}{path}");
            async move {
                let response = reqwest::get(url).await.unwrap();
                (response.status().as_u16(), response.text().await.unwrap())
            }
        };
        assert_eq!(get("/livez").await, (200, "ok\n".to_owned()));
        assert_eq!(get("/readyz").await, (503, "clickhouse: starting\nkafka: starting\n".to_owned()));
        let status = || async { serde_json::from_str::<Status>(&get("/status").await.1).unwrap() };
        assert_eq!(status().await.reasons["kafka"], "starting");
        assert_eq!(status().await.state, State::NotReady);
        readiness.ready("kafka");
        readiness.ready("clickhouse");
        let ready = status().await;
        assert_eq!((ready.state, ready.reasons.len()), (State::Ready, 0));
        assert!(ready.since_ms >= ready.started_ms && ready.started_ms > 0);
        readiness.ready("kafka");
        assert_eq!(status().await, ready);
        assert_eq!(get("/readyz").await, (200, "ready\n".to_owned()));
        assert_eq!(get("/metrics").await, (200, "# EOF\n".to_owned()));
        assert_eq!(get("/").await.0, 404);
        lifecycle.begin_drain();
        assert_eq!(get("/readyz").await, (503, "draining\n".to_owned()));
        assert_eq!(status().await.state, State::Draining);
    }
}
