//! `Idempotency-Key` of what moves money: kept with the entry in the ledger, and so never forgotten. What makes other things
//! has the general way (`once`).

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::http::error::ApiError;
use crate::http::idempotency::{REPLAYED, read_key};

/// What the client calls its request, if it does.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        read_key(&parts.headers).map(Self)
    }
}

/// By which two requests are known to ask for the same.
#[must_use]
pub fn content_hash(asked: &impl Serialize) -> [u8; 32] {
    let text = serde_json::to_vec(asked).unwrap_or_default();
    Sha256::digest(text).into()
}

/// An answer that says that nothing was recorded for it again.
pub fn replayed(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(&REPLAYED, HeaderValue::from_static("true"));
    response
}
