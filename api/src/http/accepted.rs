//! 202: a change that is kept and not yet applied.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::http::error::DetailResponse;

/// Returns 202: the change is stored, but responses may not show it yet.
#[must_use]
pub fn on_its_way() -> Response {
    (StatusCode::ACCEPTED, Json(on_its_way_body())).into_response()
}

/// Returns the body of the 202.
#[must_use]
pub fn on_its_way_body() -> DetailResponse {
    let detail = "The change is stored and will be visible soon.".to_owned();
    DetailResponse { detail, code: Some("on_its_way"), messages: Vec::new() }
}
