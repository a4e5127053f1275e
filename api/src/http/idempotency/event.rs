//! Events under an `Idempotency-Key`. An edge keeps them, and no transaction of ours: the key is taken first, and its answer
//! is kept when the edge has given it. Only a process that dies in between leaves a key without an answer; it is free again
//! after a minute, since to lose an order is worse than to have it twice.
//!
//! Nobody is known on these routes, so the key is taken together with what was sent: the same key with another event is
//! another event. The customer's data is not kept with the answer, but taken from the repeated request, which has the same.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{Once, replay, whole};
use crate::db::idempotency;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::state::App;

/// What an answer says that the request did not.
const MADE: [&str; 2] = ["id", "created_at"];

/// A key of the public, which nobody has with another event.
pub(super) fn own_key(key: &str, fingerprints: &[[u8; 32]]) -> String {
    format!("{key} {}", fingerprints.first().map(|own| URL_SAFE_NO_PAD.encode(own)).unwrap_or_default())
}

/// Passes an event on, or says what became of it before.
pub(super) async fn run(
    app: &App,
    once: Once,
    fields: Fields,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(used) = once.used(app).await? {
        let body = with_echo(used.body.as_deref().unwrap_or_default(), &fields);
        return replay(&used, body.into()).ok_or_else(|| ApiError::bug("an answer without a status"));
    }
    once.claim(app, &app.postgres).await?;
    let app = app.clone();
    #[expect(
        clippy::disallowed_methods,
        reason = "a client that hangs up must not leave the key without an answer; it ends within the edge's patience"
    )]
    let passed = tokio::spawn(async move { pass_on(&app, &once, request, next).await });
    passed.await.map_err(|_| ApiError::bug("an event's task panicked"))?
}

async fn pass_on(app: &App, once: &Once, request: Request, next: Next) -> Result<Response, ApiError> {
    let response = next.run(request).await;
    if !response.status().is_success() {
        idempotency::free(&app.postgres, &once.of).await?;
        return Ok(response);
    }
    let (head, body) = whole(response).await?;
    once.keep(&app.postgres, head.status, &head.headers, &without_echo(&body)).await?;
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
        Some(Value::String(text)) => text.trim().into(),
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
    fn an_answer_is_kept_without_the_customer_and_given_with_them() {
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
