//! The id in a path. A text that cannot be an id gets the same 404 as an unknown id.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::http::error::ApiError;
use crate::http::state::App;

/// A positive 64-bit number.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub i64);

/// Any text that is valid UTF-8.
#[derive(Debug, Clone)]
pub struct PathText(pub String);

impl FromRequestParts<App> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        text.map(|Path(text)| Self(text)).map_err(|_| ApiError::not_found())
    }
}

impl FromRequestParts<App> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let PathText(text) = PathText::from_request_parts(parts, app).await?;
        path_id(&text).map(Self)
    }
}

/// Parses an id: digits without a sign or spaces.
///
/// # Errors
/// 404 for an id that no row can have.
fn path_id(text: &str) -> Result<i64, ApiError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| is_plain && *id > 0).ok_or_else(ApiError::not_found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_in_a_path_is_plain_digits() {
        assert_eq!(path_id("7").unwrap(), 7);
        for text in ["0", "-1", "+7", "abc", "", "9223372036854775808", "7 ", "٧", "1.0"] {
            assert_eq!(path_id(text).unwrap_err().status(), 404, "{text}");
        }
    }
}
