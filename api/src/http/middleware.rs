//! The layers around all routes, outermost first, with the reason for each.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, HeaderValue, Response, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::{Router, response};
use tower::ServiceBuilder;
use tower::layer::Layer as _;
use tower::util::{MapRequest, MapRequestLayer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::Span;

use crate::http::body::MAX_BYTES;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::page::PageError;
use crate::http::security_log::note_refusals;
use crate::http::state::App;
use crate::metrics::Part;

/// The longest time for a request. Queries have shorter limits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum length of a request id that a client sends.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// Allows only files of this service, and images from `data:`, which Tabler's style sheet uses for
/// icons.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Returns the policy of a page that creates style elements. `styles` are the additional sources.
#[must_use]
pub fn content_policy(styles: &str) -> String {
    CONTENT_POLICY.replace("style-src 'self'", &format!("style-src 'self' {styles}"))
}

/// The routes with all layers.
pub type Service = MapRequest<Router, fn(Request) -> Request>;

/// Wraps the routes in the layers.
pub fn wrap(router: Router, app: &App) -> Service {
    let stack = ServiceBuilder::new()
        // The audit trail stores the request id, so a client's id must be a short word.
        .map_request(with_short_id as fn(Request) -> Request)
        // Each request has an id, its own or a proxy's, to find it in the log.
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        // Logs method, path, status and time, but not the query, which may contain a searched name.
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_span)
                .on_request(())
                .on_response(log_answer)
                .on_failure(()),
        )
        // The response has the id too.
        .layer(PropagateRequestIdLayer::x_request_id())
        // Refusals, for those who watch over the service.
        .layer(from_fn_with_state(app.clone(), note_refusals))
        // Metrics for the operators.
        .layer(from_fn_with_state(app.clone(), measure))
        // Security headers. Outside of the layers that can fail, so that their errors have them
        // too.
        .layer(from_fn_with_state(app.clone(), secure))
        // Compression makes a page or list ten times smaller.
        .layer(CompressionLayer::new())
        // A panic in one request does not end the others.
        .layer(CatchPanicLayer::custom(panicked))
        // No request runs for ever.
        .layer(from_fn(bound_time))
        // No body fills the memory.
        .layer(DefaultBodyLimit::max(MAX_BYTES));
    let router = router.layer(stack);
    // The paths of the legacy CRM end with a slash; all paths work with and without it. Layers of
    // the router run after routing, so this one is outside.
    MapRequestLayer::new(with_slash as fn(Request) -> Request).layer(router)
}

/// Removes an `x-request-id` that is too long or has other characters than an id.
fn with_short_id(mut request: Request) -> Request {
    let is_id = |value: &HeaderValue| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=MAX_REQUEST_ID_BYTES).contains(&value.len()) && value.as_bytes().iter().all(is_plain)
    };
    if request.headers().get(&REQUEST_ID).is_some_and(|value| !is_id(value)) {
        request.headers_mut().remove(&REQUEST_ID);
    }
    request
}

/// Adds a missing slash at the end of a path, except for files and health checks.
fn with_slash(mut request: Request) -> Request {
    let path = request.uri().path();
    let last = path.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || last.contains('.') || matches!(path, "/livez" | "/readyz") {
        return request;
    }
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    if let Ok(path_and_query) = format!("{path}/{query}").parse::<PathAndQuery>() {
        parts.path_and_query = Some(path_and_query);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn request_span(request: &Request) -> Span {
    let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    // The guard records the caller.
    let user_id = tracing::field::Empty;
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), id, user_id)
}

fn log_answer(response: &Response<Body>, took: Duration, _span: &Span) {
    let took_ms = took.as_secs_f64() * 1000.0;
    tracing::debug!(status = response.status().as_u16(), took_ms, "answered");
}

async fn measure(State(app): State<App>, request: Request, next: Next) -> response::Response {
    let path = request.uri().path();
    let part = match path {
        _ if is_api(path) => Part::Api,
        _ if path.starts_with("/static/") => Part::Assets,
        _ => Part::Pages,
    };
    let began = Instant::now();
    let response = next.run(request).await;
    app.metrics.answered(part, response.status().as_u16(), began.elapsed().as_secs_f64());
    response
}

async fn secure(client: ClientInfo, request: Request, next: Next) -> response::Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // A page may have set its own with `content_policy`.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CONTENT_POLICY));
    // A page whose address is a secret has a stricter one.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // For browsers that do not support `frame-ancestors`.
        (X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if client.is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    // Responses for one user must not be cached.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.append(VARY, HeaderValue::from_static("cookie, authorization"));
    }
    response
}

async fn bound_time(request: Request, next: Next) -> response::Response {
    match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::unavailable("time").into_response(),
    }
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> response::Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a value of unknown type");
    tracing::error!(panic = message, "a request panicked");
    ApiError::bug("panic").into_response()
}

/// Returns whether responses for a path are JSON, errors included.
#[must_use]
pub fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Answers requests with a method that the route does not have. The router adds `Allow`.
pub async fn method_not_allowed(request: Request) -> response::Response {
    let error = ApiError::method_not_allowed(request.method().as_str());
    if is_api(request.uri().path()) { error.into_response() } else { PageError::from(error).into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slashed(uri: &str) -> String {
        let request = Request::builder().uri(uri).body(Body::empty()).unwrap();
        with_slash(request).uri().to_string()
    }

    #[test]
    fn a_request_id_that_is_long_or_has_other_characters_is_removed() {
        let kept = |id: &str| {
            let request = Request::builder().header("x-request-id", id).body(Body::empty()).unwrap();
            with_short_id(request).headers().contains_key("x-request-id")
        };
        assert!(kept("0192f5a0-1234-7000-8000-000000000000") && kept(&"a".repeat(64)));
        assert!(!kept(&"a".repeat(65)) && !kept("a b") && !kept(""));
    }

    #[test]
    fn a_missing_slash_is_added() {
        assert_eq!(slashed("/api/users/list?limit=1"), "/api/users/list/?limit=1");
        assert_eq!(slashed("http://host/prospects"), "http://host/prospects/");
        for same in ["/", "/prospects/", "/openapi.json", "/livez", "/static/abc/app.css", "/?q=a"] {
            assert_eq!(slashed(same), same);
        }
    }
}
