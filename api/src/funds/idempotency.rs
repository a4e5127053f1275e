//! `Idempotency-Key`: a client that did not hear the answer asks again, and the money moves once.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;

const HEADER: &str = "idempotency-key";
const MAX_BYTES: usize = 200;

/// What the client calls its request, if it does.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = value.to_str().ok().map(str::trim);
        let key = key.filter(|key| (1..=MAX_BYTES).contains(&key.len()) && values.next().is_none());
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(ApiError::field(
                "Idempotency-Key",
                "Send one key of 1 to 200 printable ASCII characters.",
            )),
        }
    }
}

/// By which two requests are known to ask for the same.
#[must_use]
pub fn content_hash(asked: &impl Serialize) -> [u8; 32] {
    let text = serde_json::to_vec(asked).unwrap_or_default();
    Sha256::digest(text).into()
}

/// 409 for a key that was used for something else.
#[must_use]
pub fn used_otherwise() -> ApiError {
    ApiError::conflict("This Idempotency-Key was used for another request.")
}
