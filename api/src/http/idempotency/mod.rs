//! `Idempotency-Key`: a client that did not receive a response repeats its request, and the request
//! takes effect only once.
//!
//! A key belongs to a user and an operation. Its row, with the response, is written in the
//! transaction of the request ([`crate::http::transaction::Transaction::answer`]). So there is
//! never one without the other, even if the process dies after the commit. The second of two
//! concurrent requests waits for the row of the first, and gets its response. A failed request is
//! rolled back together with its key.
//!
//! Events are stored by an edge, not in a transaction here: see `event.rs`. Transfers of money
//! store the key in the ledger for ever (`funds/idempotency.rs`).

pub mod document;
mod event;
pub mod key;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::http::allowed::Allowed;
use crate::http::body;
use crate::http::error::ApiError;
use crate::http::state::App;

use self::key::{IdempotencyKey, content, read_key};

/// A route's way to handle keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyMode {
    /// The handler passes its response to its transaction.
    InTransaction,
    /// The handler forwards an anonymous event to an edge.
    AtEdge,
}

/// Runs the handler of a request, or returns the response that is stored with its key.
///
/// # Errors
/// 400 for a malformed key, 409 for one that was used for another request or is in use.
pub async fn run(app: &App, mode: KeyMode, request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(key) = read_key(request.headers())? else { return Ok(next.run(request).await) };
    let (head, whole) = request.into_parts();
    let bytes = body::read_bytes(Request::from_parts(head.clone(), whole), app).await?;
    let fields = body::read(&head.headers, bytes.clone()).await.ok();
    let user_id = match mode {
        KeyMode::InTransaction => {
            Some(head.extensions.get::<Allowed>().map_or(0, |allowed| allowed.viewer.id))
        }
        KeyMode::AtEdge => None,
    };
    let key = IdempotencyKey::new(app, user_id, key, &head, &content(fields.as_ref(), &bytes));
    let mut request = Request::from_parts(head, Body::from(bytes));
    if mode == KeyMode::AtEdge {
        return event::run(app, key, fields.unwrap_or_default(), request, next).await;
    }
    if let Some(answer) = key.stored_response(app).await? {
        return Ok(answer);
    }
    if let Some(allowed) = request.extensions_mut().get_mut::<Allowed>() {
        allowed.idempotency_key = Some(key.clone());
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::CONFLICT {
        // Perhaps because of a concurrent request with this key.
        return Ok(key.stored_response(app).await?.unwrap_or(response));
    }
    Ok(response)
}
