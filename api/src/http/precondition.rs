//! `ETag` and `If-Match`: a change that was made of an old reading is refused, where the client says what it read.

use axum::Json;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::http::error::ApiError;

/// The tag of a version.
fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Puts the version of what is shown into the answer.
pub fn set_version(response: &mut Response, version: i64) {
    if let Ok(value) = HeaderValue::from_str(&tag(version)) {
        response.headers_mut().insert(ETAG, value);
    }
}

/// A thing as JSON, with its version.
pub fn versioned(version: i64, body: &impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    set_version(&mut response, version);
    response
}

/// Whether the client may change this version. Without `If-Match` it may.
///
/// # Errors
/// 412 when it read another version.
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

/// The version that the client says it read, if that is the present one; for changes that others carry out.
///
/// # Errors
/// 412 when it read another version.
pub fn expected_version(headers: &HeaderMap, version: u32) -> Result<Option<u32>, ApiError> {
    check_version(headers, version.into())?;
    Ok(headers.contains_key(IF_MATCH).then_some(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_reading_changes_nothing() {
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
