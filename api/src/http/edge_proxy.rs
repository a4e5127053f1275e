//! Forwards the two create paths of the legacy CRM to an edge, so that its clients need only one
//! address. The request is forwarded unchanged with the client's address, and the response is
//! returned unchanged.

use std::time::Duration;

use anyhow::Context as _;
use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD,
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, ORIGIN, REFERER, RETRY_AFTER, USER_AGENT, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use axum::response::Response;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::EdgeConfig;
use crate::http::body::MAX_BYTES;
use crate::http::error::ApiError;

/// An edge answers within milliseconds, even when it waits for the sync of an order.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
const POOL_IDLE: Duration = Duration::from_secs(30);

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

const PASSED_ON: [HeaderName; 8] = [
    CONTENT_TYPE,
    ACCEPT,
    ORIGIN,
    REFERER,
    USER_AGENT,
    ACCESS_CONTROL_REQUEST_METHOD,
    ACCESS_CONTROL_REQUEST_HEADERS,
    HeaderName::from_static("sec-gpc"),
];
const PASSED_BACK: [HeaderName; 6] = [CONTENT_TYPE, CACHE_CONTROL, RETRY_AFTER, LOCATION, VARY, ALLOW];
const PASSED_BACK_PREFIXES: [&str; 2] = ["x-sluice-", "access-control-"];
/// On this origin there are cookies, which no other site may use.
const KEPT_BACK: HeaderName = ACCESS_CONTROL_ALLOW_CREDENTIALS;

/// A pool of connections to an edge.
#[derive(Debug, Clone)]
pub struct Edge {
    client: Client<HttpConnector, Full<Bytes>>,
    base: String,
}

impl Edge {
    /// Creates a client for the configured address. It connects on first use.
    ///
    /// # Errors
    /// Fails if the URL is not valid.
    pub fn new(config: &EdgeConfig) -> anyhow::Result<Self> {
        let base = config.url.trim_end_matches('/').to_owned();
        base.parse::<Uri>().context("edge.url")?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_PATIENCE));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOL_IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self { client, base })
    }

    /// Forwards a request and returns the response.
    ///
    /// # Errors
    /// 503 when the edge is unreachable or does not answer in time.
    pub async fn forward(
        &self,
        method: &Method,
        path: &'static str,
        headers: &HeaderMap,
        address: &str,
        body: Bytes,
    ) -> Result<Response, ApiError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() =
            format!("{}{path}", self.base).parse::<Uri>().map_err(|error| ApiError::internal(&error))?;
        for name in &PASSED_ON {
            if let Some(value) = headers.get(name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        if let Ok(address) = HeaderValue::from_str(address) {
            request.headers_mut().insert(X_FORWARDED_FOR.clone(), address);
        }
        let answered = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, MAX_BYTES).collect().await.map_err(anyhow::Error::from_boxed)?;
            anyhow::Ok((head, body.to_bytes()))
        };
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok((head, body))) => Ok(passed_back(&head, body)),
            Ok(Err(error)) => {
                tracing::warn!(error = %format!("{error:#}"), "the edge cannot be reached");
                Err(ApiError::unavailable("edge"))
            }
            Err(_) => {
                tracing::warn!("the edge did not answer in time");
                Err(ApiError::unavailable("edge"))
            }
        }
    }
}

fn passed_back(head: &axum::http::response::Parts, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = head.status;
    for (name, value) in &head.headers {
        let is_known = PASSED_BACK.contains(name)
            || PASSED_BACK_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix));
        if is_known && *name != KEPT_BACK {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}
