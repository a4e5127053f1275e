//! `POST /api/funds/transfers/create/`: records a top-up, spend or return by hand.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::db::funds::post::EntryKind;
use crate::db::time_of;
use crate::funds::idempotency::{IdempotencyKey, replayed};
use crate::funds::transfers::model::{FundTransferRequest, FundTransferResponse};
use crate::funds::transfers::record::{RecordContext, RequestedTransfer, record};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::openapi::{Conflict, MakeErrors};
use crate::http::request::Body;
use crate::http::state::App;

/// Record a transfer
///
/// With an `Idempotency-Key`, a repeated request records nothing and gets the first response.
#[utoipa::path(
    post, path = "/api/funds/transfers/create/", tag = "funds",
    params(("Idempotency-Key" = Option<String>, Header, description = "Key chosen by the client, up to 200 characters")),
    request_body = FundTransferRequest,
    responses((status = 201, description = "Recorded", body = FundTransferResponse), MakeErrors, Conflict),
    security(("bearer" = [])),
)]
pub async fn create_fund_transfer(
    State(app): State<App>,
    call: Call<()>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<FundTransferRequest>,
) -> Result<Response, ApiError> {
    let requested = body.values(requested)?;
    let context = context(&app, &call, key);
    let mut transaction = call.allowed.begin(&app).await?;
    let made = record(&mut transaction, &context, &requested).await?;
    transaction.commit().await?;
    let answer = (StatusCode::CREATED, Json(made.transfer));
    Ok(if made.is_known { replayed(answer) } else { answer.into_response() })
}

/// Returns the user and the time of a transfer.
#[must_use]
pub fn context<'a, Id>(app: &App, call: &'a Call<Id>, key: Option<String>) -> RecordContext<'a> {
    let now = time_of(&app.clock);
    let today = call.allowed.viewer.time_zone.day_of(now.timestamp_millis());
    RecordContext { actor: &call.actor, actor_id: call.allowed.viewer.id, key, now, today }
}

fn requested(request: &FundTransferRequest, errors: &mut Errors) -> Option<RequestedTransfer> {
    let kind = request.kind.0.map(|kind| kind.0);
    if request.fee.0.is_some() && kind != Some(EntryKind::TopUp) {
        errors.fail("fee", "Only a top-up has a fee.");
    }
    errors.ok()?;
    Some(RequestedTransfer {
        kind: kind?,
        account_id: request.account_id.0,
        amount: request.amount.0?,
        fee: request.fee.0,
        day: request.date.0.map(|day| day.0),
        reference: request.reference.0.clone(),
        note: request.note.0.clone(),
        request_id: None,
    })
}
