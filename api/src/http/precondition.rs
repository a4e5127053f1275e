//! `ETag` and `If-Match`: a change is refused if the client names another version than the current
//! one.

use axum::Json;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::http::error::ApiError;

/// Returns the entity tag of a version.
fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Sets the `ETag` of a response.
pub fn set_version(response: &mut Response, version: i64) {
    if let Ok(value) = HeaderValue::from_str(&tag(version)) {
        response.headers_mut().insert(ETAG, value);
    }
}

/// Returns a JSON response with an `ETag`.
pub fn versioned(version: i64, body: &impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    set_version(&mut response, version);
    response
}

/// Checks `If-Match`, if the request has one, against the current version.
///
/// # Errors
/// 412 if it names another version.
pub fn check_version(headers: &HeaderMap, version: i64) -> Result<(), ApiError> {
    let mut wanted = headers.get_all(IF_MATCH).iter().filter_map(|value| value.to_str().ok()).peekable();
    if wanted.peek().is_none() && !headers.contains_key(IF_MATCH) {
        return Ok(());
    }
    let own = tag(version);
    let matches = wanted.flat_map(|value| value.split(',')).any(|wanted| {
        let wanted = wanted.trim();
        wanted == "*" || wanted == own
    });
    if matches { Ok(()) } else { Err(ApiError::changed_since()) }
}

/// Checks `If-Match` and returns the version that it names, for changes that the consumer applies.
///
/// # Errors
/// 412 if it names another version.
pub fn expected_version(headers: &HeaderMap, version: u32) -> Result<Option<u32>, ApiError> {
    check_version(headers, version.into())?;
    Ok(headers.contains_key(IF_MATCH).then_some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_version_matches() {
        let with = |value: &'static str| HeaderMap::from_iter([(IF_MATCH, HeaderValue::from_static(value))]);
        assert!(check_version(&HeaderMap::new(), 3).is_ok());
        assert!(check_version(&with("\"3\""), 3).is_ok());
        assert!(check_version(&with("\"1\", \"3\""), 3).is_ok());
        assert!(check_version(&with("*"), 3).is_ok());
        for stale in ["\"2\"", "3", "", "W/\"3\""] {
            assert!(check_version(&with(stale), 3).is_err(), "{stale}");
        }
    }
}
