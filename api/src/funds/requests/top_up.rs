//! `POST /api/funds/requests/<id>/top-up/`: the coordinator does what was approved, once, and perhaps with less.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::db::funds::post::EntryKind;
use crate::db::funds::requests::{self, RequestRow};
use crate::funds::amount::show;
use crate::funds::answer;
use crate::funds::idempotency::{IdempotencyKey, content_hash, replayed};
use crate::funds::reach::Reach;
use crate::funds::requests::create::minor;
use crate::funds::requests::{FundRequestResponse, changed, check_holder, lock_exclusive};
use crate::funds::transfers::create::asking;
use crate::funds::transfers::record::{Wish, record, recorded_before};
use crate::funds::transfers::{MAX_NOTE_CHARS, MAX_REFERENCE_CHARS};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::state::App;
use sluice_schemas::decimal::Decimal;

/// How an approved request is topped up.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TopUpFundRequestRequest {
    /// What was approved unless given, and never more.
    pub amount: Option<String>,
    /// What it costs beside the amount.
    pub fee: Option<String>,
    pub reference: Option<String>,
    /// The day on which the money moved; today in the viewer's time zone unless given.
    pub date: Option<String>,
    pub note: Option<String>,
}

/// Top up an approved request
///
/// With an `Idempotency-Key` the same request is done once, however often it is sent.
#[utoipa::path(
    post, path = "/api/funds/requests/{id}/top-up/", tag = "funds",
    params(
        ("id" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "Up to 200 characters, the client's own"),
    ),
    request_body(content(
        (TopUpFundRequestRequest = "application/json"),
        (TopUpFundRequestRequest = "application/x-www-form-urlencoded"),
        (TopUpFundRequestRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Topped up", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn top_up_fund_request(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    IdempotencyKey(key): IdempotencyKey,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let asking = asking(&app, &allowed, &actor, key);
    let mut transaction = allowed.begin(&app).await?;
    let row =
        requests::lock_exclusive(&mut transaction, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    let wish = read(&mut fields, &row);
    fields.finish().map_err(ApiError::fields)?;
    let wish = wish.ok_or_else(|| ApiError::bug("a top-up without values or errors"))?;
    // Before its state is asked for: it is topped up by the same request.
    if recorded_before(&mut transaction, &asking, &content_hash(&wish)).await?.is_some() {
        let row = requests::reread(&mut transaction, id).await?;
        return Ok(replayed(answer(StatusCode::OK, &FundRequestResponse::from(&row), row.version)));
    }
    if row.status == "open" {
        return Err(ApiError::conflict("The request is not approved yet."));
    }
    lock_exclusive(&mut transaction, &reach, id, &headers, &["approved"]).await?;
    check_holder(&mut transaction, &row).await?;
    if minor(wish.amount, &row.currency)? > row.amount_minor {
        let approved = show(row.amount_minor, &row.currency);
        return Err(ApiError::field(
            "amount",
            format!("Ensure this value is less than or equal to {approved}."),
        ));
    }
    record(&mut transaction, &asking, &wish).await?;
    requests::mark_topped_up(&mut transaction, id).await?;
    let response = changed(&mut transaction, &actor, "top-up", &row).await?;
    transaction.commit().await?;
    Ok(response)
}

fn read(fields: &mut Fields, row: &RequestRow) -> Option<Wish> {
    let amount = fields.optional_decimal("amount");
    let amount = amount.or_else(|| Decimal::parse(&show(row.amount_minor, &row.currency)));
    let fee = fields.optional_decimal("fee");
    let reference = fields.optional_text("reference", MAX_REFERENCE_CHARS);
    let note = fields.optional_text("note", MAX_NOTE_CHARS);
    let day = fields.date("date");
    fields.finish().ok()?;
    let (account_id, request_id) = (row.fund_account_id, Some(row.id));
    Some(Wish { kind: EntryKind::TopUp, account_id, amount: amount?, fee, day, reference, note, request_id })
}
