//! `POST /api/parked/wait-again/`: lets ignored events wait again.

use axum::Json;
use axum::extract::State;
use serde_json::json;

use crate::db::audit::{self, Diff};
use crate::db::parked_decisions;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::http::transaction::Transaction;
use crate::parked::decide::{Confirmation, Count, Subject};
use crate::parked::model::{ParkedCountResponse, WaitAgainRequest};
use crate::policy::Resource;

/// Let ignored events wait again
///
/// Deleted and expired events cannot wait again. With `dry_run` it only counts the events, see
/// *Mend parked events*.
#[utoipa::path(
    post, path = "/api/parked/wait-again/", tag = "parked", request_body = WaitAgainRequest,
    responses(
        (status = 200, description = "The count of the events", body = ParkedCountResponse),
        (status = 409, description = "Another number of events matches", body = crate::http::error::DetailResponse),
        MakeErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn let_parked_wait(
    State(app): State<App>,
    call: Call<()>,
    body: Body<WaitAgainRequest>,
) -> Result<Json<ParkedCountResponse>, ApiError> {
    let (subject, confirmation, count) = read_wait_again(&app, body).await?;
    let answer = ParkedCountResponse::from(count);
    if confirmation.dry_run {
        return Ok(Json(answer));
    }
    let n_events = count.confirmed(confirmation)?;
    let transaction = let_wait(&app, &call, &subject, n_events).await?;
    transaction.commit().await?;
    Ok(Json(answer))
}

/// Reads a request, and counts its events.
///
/// # Errors
/// 400 with the messages of the fields.
pub async fn read_wait_again(
    app: &App,
    body: Body<WaitAgainRequest>,
) -> Result<(Subject, Confirmation, Count), ApiError> {
    let request = body.checked()?;
    let subject = Subject::find(app, request.event_id, request.reason, request.reference).await?;
    let confirmation = Confirmation {
        dry_run: request.dry_run.unwrap_or_default(),
        expected: request.expected.map(|count| count.0),
        counted_at: request.counted_at.0,
    };
    let count = subject.count_for(app, confirmation, None, true).await?;
    Ok((subject, confirmation, count))
}

/// Lets the events wait, with a line in the audit trail, and returns the open transaction.
///
/// # Errors
/// 409 if somebody else did it first.
pub async fn let_wait(
    app: &App,
    call: &Call<()>,
    subject: &Subject,
    n_events: i64,
) -> Result<Transaction, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let (actor_id, alike) = (call.allowed.viewer.id, (subject.reason.as_str(), subject.reference.as_str()));
    let n_changed =
        parked_decisions::let_wait(&mut transaction, subject.event_id, alike, n_events, actor_id).await?;
    if n_changed == 0 {
        return Err(ApiError::conflict("Nothing says any more that these events are ignored."));
    }
    let id = subject.event_id.map_or_else(|| format!("{} {}", alike.0, alike.1), |id| id.to_string());
    let facts = json!({
        "event_id": subject.event_id, "reason": alike.0, "reference": alike.1, "n_events": n_events,
    });
    audit::record(&mut transaction, &call.actor, "wait_again", Resource::Parked, id, Diff::noted(facts))
        .await?;
    Ok(transaction)
}
