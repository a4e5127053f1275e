//! `POST /api/funds/requests/<id>/top-up/`: the coordinator tops up an ad account for an approved
//! request, once, with at most the approved amount.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::amount::show;
use crate::db::funds::post::EntryKind;
use crate::db::funds::requests::{self, RequestRow};
use crate::funds::answer;
use crate::funds::idempotency::{IdempotencyKey, content_hash, replayed};
use crate::funds::reach::Reach;
use crate::funds::requests::create::minor;
use crate::funds::requests::model::{
    FundRequestResponse, TopUpFundRequestRequest, changed, check_holder, lock_exclusive,
};
use crate::funds::transfers::create::context;
use crate::funds::transfers::record::{RequestedTransfer, record, recorded_before};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use sluice_schemas::decimal::Decimal;

/// Top up an approved request
///
/// With an `Idempotency-Key`, a repeated request records nothing and gets the first response.
#[utoipa::path(
    post, path = "/api/funds/requests/{id}/top-up/", tag = "funds",
    params(
        ("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Key chosen by the client, up to 200 characters"),
    ),
    request_body = TopUpFundRequestRequest,
    responses((status = 200, description = "Topped up", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn top_up_fund_request(
    State(app): State<App>,
    call: Call,
    IdempotencyKey(key): IdempotencyKey,
    body: Body<TopUpFundRequestRequest>,
) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let context = context(&app, &call, key);
    let mut transaction = call.allowed.begin(&app).await?;
    let row = requests::lock_exclusive(&mut transaction, call.id, reach.ids())
        .await?
        .ok_or_else(ApiError::not_found)?;
    let requested = requested(body.checked()?, &row)?;
    // Before the check of the status: a repetition finds the request already topped up.
    if recorded_before(&mut transaction, &context, &content_hash(&requested)).await?.is_some() {
        let row = requests::reread(&mut transaction, call.id).await?;
        return Ok(replayed(answer(StatusCode::OK, &FundRequestResponse::from(&row), row.version)));
    }
    if row.status == "open" {
        return Err(ApiError::conflict("The request is not approved yet."));
    }
    lock_exclusive(&mut transaction, &reach, &call, &["approved"]).await?;
    check_holder(&mut transaction, &row).await?;
    if minor(requested.amount, &row.currency)? > row.amount_minor {
        let approved = show(row.amount_minor, &row.currency);
        return Err(ApiError::field(
            "amount",
            format!("Ensure this value is less than or equal to {approved}."),
        ));
    }
    record(&mut transaction, &context, &requested).await?;
    requests::mark_topped_up(&mut transaction, call.id).await?;
    let response = changed(&mut transaction, &call.actor, "top-up", &row).await?;
    transaction.commit().await?;
    Ok(response)
}

fn requested(request: TopUpFundRequestRequest, row: &RequestRow) -> Result<RequestedTransfer, ApiError> {
    let approved = || Decimal::parse(&show(row.amount_minor, &row.currency));
    let amount = request.amount.0.or_else(approved);
    Ok(RequestedTransfer {
        kind: EntryKind::TopUp,
        account_id: row.fund_account_id,
        amount: amount.ok_or_else(|| ApiError::bug("a request without an amount"))?,
        fee: request.fee.0,
        day: request.date.0.map(|day| day.0),
        reference: request.reference.0,
        note: request.note.0,
        request_id: Some(row.id),
    })
}
