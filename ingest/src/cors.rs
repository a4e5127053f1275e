//! Answers the preflight request of a browser. `answer.rs` adds the CORS headers of other answers.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ALLOW, HeaderMap, HeaderValue, VARY,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::answer::{Answer, allow_origin, origin};

/// Allows the requested headers for a day.
#[must_use]
pub fn preflight(headers: &HeaderMap, methods: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let allowed = answer.headers_mut();
    allowed.insert(ALLOW, HeaderValue::from_static(methods));
    allowed.insert(VARY, HeaderValue::from_static("Origin, Access-Control-Request-Headers"));
    if let Some(origin) = origin(headers) {
        allow_origin(allowed, Some(origin));
        allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        allowed.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        if let Some(wanted) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
    }
    answer
}
