//! Events with an `Idempotency-Key`. An edge stores them, not a transaction here. So the key is
//! claimed first, and the response is stored when the edge has answered. Only a process that dies
//! in between leaves a key without a response. Such a key is free again after a minute, because a
//! lost order is worse than a duplicate.
//!
//! The clients are anonymous, so the key is combined with the content: the same key with another
//! event is another event. The stored response has no customer data. A repeated request has the
//! same data, so the response is completed from it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Map, Value, json};
use sluice_schemas::text::trim;
use tracing::Instrument as _;

use super::key::{IdempotencyKey, buffer, replay};
use crate::db::idempotency;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::state::App;

/// The fields of a response that the request does not have.
const MADE: [&str; 2] = ["id", "created_at"];

/// Forwards an event, or returns the stored response.
pub(super) async fn run(
    app: &App,
    key: IdempotencyKey,
    fields: Fields,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(used) = key.used(app).await? {
        let body = with_echo(used.body.as_deref().unwrap_or_default(), &fields);
        return replay(&used, body.into()).ok_or_else(|| ApiError::bug("a stored response without a status"));
    }
    key.claim(app, &app.postgres).await?;
    let app = app.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "a client that disconnects must not leave the key without a response; ends when the edge times out"
    )]
    let passed = tokio::spawn(async move { pass_on(&app, &key, request, next).await }.in_current_span());
    passed.await.map_err(|_| ApiError::bug("an event's task panicked"))?
}

async fn pass_on(
    app: &App,
    key: &IdempotencyKey,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let response = next.run(request).await;
    if !response.status().is_success() {
        idempotency::free(&app.postgres, &key.scoped).await?;
        return Ok(response);
    }
    let (head, body) = buffer(response).await?;
    key.store(&app.postgres, head.status, &head.headers, &without_echo(&body)).await?;
    Ok(Response::from_parts(head, body.into()))
}

fn without_echo(body: &[u8]) -> Vec<u8> {
    let mut answer: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    for (name, value) in &mut answer {
        if !MADE.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    Value::Object(answer).to_string().into_bytes()
}

fn with_echo(kept: &[u8], fields: &Fields) -> Vec<u8> {
    let mut answer: Map<String, Value> = serde_json::from_slice(kept).unwrap_or_default();
    let sent = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => trim(text).into(),
        sent => sent.cloned().unwrap_or_default(),
    };
    for (name, value) in &mut answer {
        match name.as_str() {
            name if MADE.contains(&name) => {}
            "prospect" => *value = json!({ "id": sent("prospect_id") }),
            name => *value = sent(name),
        }
    }
    Value::Object(answer).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_stored_without_the_customer_and_sent_with_them() {
        let answer =
            json!({"id": "i", "prospect_id": 7, "email": "a@b.co", "created_at": "t", "prospect": {"id": 7}});
        let kept = without_echo(answer.to_string().as_bytes());
        assert!(!String::from_utf8_lossy(&kept).contains("a@b.co"));
        let Value::Object(sent) = json!({"prospect_id": 7, "email": " a@b.co", "more": 1}) else {
            unreachable!()
        };
        let given: Value = serde_json::from_slice(&with_echo(&kept, &Fields::new(sent))).unwrap();
        assert_eq!(given, answer);
    }
}
