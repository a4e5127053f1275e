//! `POST /api/funds/transfers/create/`: a top-up, spend or return by hand.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::audit::Actor;
use crate::db::funds::post::EntryKind;
use crate::db::time_of;
use crate::funds::idempotency::{IdempotencyKey, replayed};
use crate::funds::transfers::record::{Asking, Wish, record};
use crate::funds::transfers::{
    FundTransferRequest, FundTransferResponse, MAX_NOTE_CHARS, MAX_REFERENCE_CHARS,
};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::{Conflict, MakeErrors};
use crate::state::App;

/// Record a transfer
///
/// With an `Idempotency-Key` the same request is recorded once, however often it is sent.
#[utoipa::path(
    post, path = "/api/funds/transfers/create/", tag = "funds",
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 200 characters, the client's own")),
    request_body(content(
        (FundTransferRequest = "application/json"),
        (FundTransferRequest = "application/x-www-form-urlencoded"),
        (FundTransferRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Recorded", body = FundTransferResponse), MakeErrors, Conflict),
    security(("bearer" = [])),
)]
pub async fn create_fund_transfer(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    IdempotencyKey(key): IdempotencyKey,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let wish = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let wish = wish.ok_or_else(|| ApiError::bug("a transfer without values or errors"))?;
    let asking = asking(&app, &allowed, &actor, key);
    let mut transaction = allowed.begin(&app).await?;
    let made = record(&mut transaction, &asking, &wish).await?;
    transaction.commit().await?;
    let answer = (StatusCode::CREATED, Json(made.transfer));
    Ok(if made.is_known { replayed(answer) } else { answer.into_response() })
}

/// Who asks for a transfer, and when.
#[must_use]
pub fn asking<'a>(app: &App, allowed: &Allowed, actor: &'a Actor, key: Option<String>) -> Asking<'a> {
    let now = time_of(&app.clock);
    let today = now.with_timezone(&allowed.viewer.time_zone).date_naive();
    Asking { actor, actor_id: allowed.viewer.id, key, now, today }
}

fn read(fields: &mut Fields) -> Option<Wish> {
    let is_kind_sent = fields.required_text("kind", MAX_REFERENCE_CHARS).is_some();
    let words = [EntryKind::TopUp, EntryKind::Spend, EntryKind::Return];
    let word = if is_kind_sent { fields.choice("kind", &words.map(EntryKind::as_str)) } else { "" };
    let account_id = fields.required_id("account_id");
    let amount = fields.required_decimal("amount");
    let fee = fields.optional_decimal("fee");
    if fee.is_some() && word != EntryKind::TopUp.as_str() {
        fields.fail("fee", "Only a top-up has a fee.");
    }
    let day = fields.date("date");
    let reference = fields.optional_text("reference", MAX_REFERENCE_CHARS);
    let note = fields.optional_text("note", MAX_NOTE_CHARS);
    fields.finish().ok()?;
    let kind = words.into_iter().find(|kind| kind.as_str() == word)?;
    Some(Wish { kind, account_id: account_id?, amount: amount?, fee, day, reference, note, request_id: None })
}
