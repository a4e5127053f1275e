//! The id in a path. What can be nobody's id is answered as an id that nobody has.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::error::ApiError;
use crate::state::App;

/// A positive 64-bit number.
#[derive(Debug, Clone, Copy)]
pub struct PathId(pub i64);

impl FromRequestParts<App> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, app).await.map_err(|_| ApiError::not_found())?;
        // Digits alone: no sign, no space.
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|id| is_number && *id > 0);
        id.map(Self).ok_or_else(ApiError::not_found)
    }
}
