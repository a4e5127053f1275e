//! The key of a request, and the response that is stored with it.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgExecutor;

use crate::db::idempotency::{self, ClaimTimes, ScopedKey, UsedKey};
use crate::db::time_of;
use crate::http::body::MAX_BYTES;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::state::App;

/// The header.
pub const HEADER: &str = "idempotency-key";
/// The header of a repeated response.
pub static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_BYTES: usize = 200;
/// The time for which a key is stored.
const LIFE: TimeDelta = TimeDelta::hours(24);
/// Longer than any request takes. A key that still has no response will not get one.
const GIVEN_UP: TimeDelta = TimeDelta::minutes(1);

/// The key of a request.
#[derive(Debug, Clone)]
pub struct IdempotencyKey {
    pub(super) scoped: ScopedKey,
    /// With the current secret, then with the previous ones.
    fingerprints: Vec<[u8; 32]>,
}

/// Reads the key of a request, if it has one.
///
/// # Errors
/// 400 for a key that is empty, longer than 200 bytes or not ASCII, and for more than one key.
pub fn read_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim);
    let key = key.filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()) && values.next().is_none());
    key.map(|key| Some(key.to_owned())).ok_or_else(|| {
        ApiError::field("Idempotency-Key", "Send one key of 1 to 200 printable ASCII characters.")
    })
}

impl IdempotencyKey {
    /// The key of a user, or of an anonymous client if `user_id` is `None`.
    pub(super) fn new(app: &App, user_id: Option<i64>, key: String, head: &Parts, content: &[u8]) -> Self {
        let auth = &app.config.auth;
        let secrets = std::iter::once(&auth.secret).chain(&auth.previous_secrets);
        let fingerprints: Vec<_> =
            secrets.map(|secret| fingerprint(secret.expose(), head, content)).collect();
        let path = head.extensions.get::<MatchedPath>().map_or(head.uri.path(), MatchedPath::as_str);
        let operation = format!("{} {path}", head.method);
        // These clients are anonymous: their keys must not collide.
        let key = if user_id.is_none() { combined_key(&key, &fingerprints) } else { key };
        Self { scoped: ScopedKey { user_id: user_id.unwrap_or_default(), operation, key }, fingerprints }
    }

    /// Claims the key in the transaction of the executor.
    ///
    /// # Errors
    /// 409 if another request has claimed it.
    pub async fn claim(&self, app: &App, executor: impl PgExecutor<'_>) -> Result<(), ApiError> {
        let now = time_of(&app.clock);
        let moments = ClaimTimes { now, forgotten: now - LIFE, given_up: now - GIVEN_UP };
        let own = self.fingerprints.first().map_or(&[][..], |own| own);
        if idempotency::claim(executor, &self.scoped, own, moments).await? {
            return Ok(());
        }
        Err(ApiError::key_in_use())
    }

    /// Stores the response with the key.
    pub async fn store(
        &self,
        executor: impl PgExecutor<'_>,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> sqlx::Result<()> {
        let status = i16::try_from(status.as_u16()).unwrap_or_default();
        let pairs =
            headers.iter().filter_map(|(name, value)| Some(json!([name.as_str(), value.to_str().ok()?])));
        idempotency::store_response(executor, &self.scoped, status, &Value::Array(pairs.collect()), body)
            .await
    }

    /// Returns the stored response of the key, if there is one.
    pub(super) async fn stored_response(&self, app: &App) -> Result<Option<Response>, ApiError> {
        let Some(used) = self.used(app).await? else { return Ok(None) };
        let body = used.body.clone().unwrap_or_default();
        Ok(replay(&used, body.into()))
    }

    /// Finds an earlier request with this key that got a response.
    ///
    /// # Errors
    /// 409 if the key was used for another request, or is in use.
    pub(super) async fn used(&self, app: &App) -> Result<Option<UsedKey>, ApiError> {
        let now = time_of(&app.clock);
        let Some(used) = idempotency::find(&app.postgres, &self.scoped, now - LIFE).await? else {
            return Ok(None);
        };
        if !self.fingerprints.iter().any(|own| own[..] == used.fingerprint[..]) {
            return Err(ApiError::key_used_otherwise());
        }
        if used.status.is_none() && used.created_at > now - GIVEN_UP {
            return Err(ApiError::key_in_use());
        }
        Ok(Some(used).filter(|used| used.status.is_some()))
    }
}

/// Reads the bytes of a response, so that it can be stored and sent.
///
/// # Errors
/// 500 for a response that is larger than any of this service.
pub async fn buffer(response: Response) -> Result<(axum::http::response::Parts, Bytes), ApiError> {
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BYTES * 16).await;
    bytes.map(|bytes| (head, bytes)).map_err(|_| ApiError::bug("a response that is too large to be stored"))
}

pub(super) fn replay(used: &UsedKey, body: Bytes) -> Option<Response> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(u16::try_from(used.status?).ok()?).ok()?;
    let pairs = used.headers.as_ref().and_then(Value::as_array).into_iter().flatten();
    for pair in pairs {
        let name = pair[0].as_str().and_then(|name| name.parse::<HeaderName>().ok());
        let value = pair[1].as_str().and_then(|value| value.parse::<HeaderValue>().ok());
        if let Some((name, value)) = name.zip(value) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(&REPLAYED, HeaderValue::from_static("true"));
    Some(response)
}

/// Combines an anonymous client's key with the fingerprint of the event.
fn combined_key(key: &str, fingerprints: &[[u8; 32]]) -> String {
    format!("{key} {}", fingerprints.first().map(|own| URL_SAFE_NO_PAD.encode(own)).unwrap_or_default())
}

/// Returns the content of a body: its fields regardless of their format, or the bytes if they
/// cannot be parsed.
pub(super) fn content(fields: Option<&Fields>, bytes: &Bytes) -> Vec<u8> {
    fields.map_or_else(|| bytes.to_vec(), Fields::canonical)
}

/// Hashes a request together with a secret, because the content may be a password.
fn fingerprint(secret: &str, head: &Parts, content: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"sluice idempotent request\0");
    for part in [
        secret.as_bytes(),
        head.method.as_str().as_bytes(),
        head.uri.path().as_bytes(),
        head.uri.query().unwrap_or_default().as_bytes(),
    ] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;
    use crate::http::body;

    #[tokio::test]
    async fn the_same_fields_are_the_same_request() {
        let print = async |path: &str, content_type: &str, text: &str| {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let request = Request::post(path).header("content-type", content_type).body(()).unwrap();
            let (head, ()) = request.into_parts();
            let fields = body::read(&head.headers, bytes.clone()).await.ok();
            fingerprint("secret", &head, &content(fields.as_ref(), &bytes))
        };
        let form = |boundary: &str| {
            let part = "Content-Disposition: form-data; name=\"a\"";
            let body = format!("--{boundary}\r\n{part}\r\n\r\n1\r\n--{boundary}--\r\n");
            (format!("multipart/form-data; boundary={boundary}"), body)
        };
        let (json, (kind, left), (other, right)) = ("application/json", form("x"), form("y"));
        assert_eq!(print("/a/", &kind, &left).await, print("/a/", &other, &right).await);
        let first = print("/a/", json, r#"{"a":1,"b":2}"#).await;
        assert_eq!(first, print("/a/", json, r#"{ "b": 2, "a": 1 }"#).await);
        for (path, text) in
            [("/b/", r#"{"a":1,"b":2}"#), ("/a/?q", r#"{"a":1,"b":2}"#), ("/a/", r#"{"a":1}"#)]
        {
            assert_ne!(first, print(path, json, text).await, "{path} {text}");
        }
        let (twice, last) = ("a=1&a=2", "a=2");
        let kind = "application/x-www-form-urlencoded";
        assert_ne!(print("/a/", kind, twice).await, print("/a/", kind, last).await);
    }
}
