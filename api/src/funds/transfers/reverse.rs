//! `POST /api/funds/transfers/<id>/reverse/`: reverses a transfer, once, by a new entry. Entries of
//! the ledger never change.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::db::funds::post::{self, EntryKind, NewEntry};
use crate::db::funds::{accounts, entries};
use crate::funds::idempotency::{IdempotencyKey, content_hash, replayed};
use crate::funds::reach::Reach;
use crate::funds::transfers::create::context;
use crate::funds::transfers::model::{FundTransferResponse, ReverseFundTransferRequest};
use crate::funds::transfers::record::{recorded_before, too_little, write};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{Conflict, DetailErrors, MakeErrors};
use crate::http::request::Body;
use crate::http::state::App;

/// Reverse a transfer
///
/// Records the opposite transfer. A reversal cannot be reversed: record the transfer again instead.
/// With an `Idempotency-Key`, a repeated request records nothing and gets the first response.
#[utoipa::path(
    post, path = "/api/funds/transfers/{id}/reverse/", tag = "funds",
    params(
        ("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Key chosen by the client, up to 200 characters"),
    ),
    request_body = ReverseFundTransferRequest,
    responses((status = 201, description = "The reversal", body = FundTransferResponse), MakeErrors, DetailErrors, Conflict),
    security(("bearer" = [])),
)]
pub async fn reverse_fund_transfer(
    State(app): State<App>,
    call: Call,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<ReverseFundTransferRequest>,
) -> Result<Response, ApiError> {
    let note = body.checked()?.note.0;
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let context = context(&app, &call, key);
    let hash = content_hash(&("reversal", call.id, &note));
    let mut transaction = call.allowed.begin(&app).await?;
    let original =
        entries::find(&mut transaction, call.id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    // Transfers of an archived account can be reversed too. The account is locked before the
    // ledger, as everywhere.
    let account = accounts::lock_shared_with_archived(&mut transaction, original.fund_account_id).await?;
    let account = account.ok_or_else(ApiError::not_found)?;
    let books = post::lock_exclusive(&mut transaction, &[original.fund_account_id]).await?;
    if let Some(known) = recorded_before(&mut transaction, &context, &hash).await? {
        return Ok(replayed((StatusCode::CREATED, Json(known))));
    }
    if original.kind == EntryKind::Reversal.as_str() {
        return Err(ApiError::conflict("A reversal cannot be reversed. Record the transfer anew."));
    }
    let legs: Vec<(i64, i64)> = entries::legs(&mut transaction, call.id)
        .await?
        .into_iter()
        .map(|(account, minor)| (account, -minor))
        .collect();
    if let Some(place) = books.ad_account(account.id) {
        let moved: i64 = legs.iter().filter(|(leg, _)| *leg == place.id).map(|(_, minor)| *minor).sum();
        if moved < -place.available_minor.max(0) {
            return Err(ApiError::conflict(too_little(&account, place.available_minor)));
        }
    }
    let entry = NewEntry {
        kind: EntryKind::Reversal,
        fund_account_id: original.fund_account_id,
        currency: original.currency,
        day: original.day,
        amount_minor: original.amount_minor,
        fee_minor: original.fee_minor,
        spent_minor: -original.spent_minor,
        legs,
        request_id: None,
        reverses_id: Some(call.id),
        reference: original.reference,
        note,
        actor_id: context.actor_id,
        idempotency_key: context.key.clone(),
        content_hash: hash,
        is_reference_unique: false,
    };
    let made = write(&mut transaction, &context, entry, &books).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}
