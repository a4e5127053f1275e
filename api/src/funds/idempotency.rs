//! `Idempotency-Key` of operations that move money. The key is stored with the entry in the ledger,
//! so it is kept forever. All other operations use `http/idempotency`.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::http::error::ApiError;
use crate::http::idempotency::key::{REPLAYED, read_key};

/// The client's key of its request, if it sent one.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        read_key(&parts.headers).map(Self)
    }
}

/// Returns a hash by which two requests are compared.
#[must_use]
pub fn content_hash(asked: &impl Serialize) -> [u8; 32] {
    let text = serde_json::to_vec(asked).unwrap_or_default();
    Sha256::digest(text).into()
}

/// Marks a response as a repetition, for which nothing was recorded.
pub fn replayed(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(&REPLAYED, HeaderValue::from_static("true"));
    response
}
