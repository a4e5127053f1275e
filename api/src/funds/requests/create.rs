//! `POST /api/funds/requests/create/`: a buyer asks for money in one of their ad accounts, or an Owner for a buyer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::accounts;
use crate::db::funds::requests::{self, NewRequest};
use crate::db::time_of;
use crate::funds::amount::to_minor;
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::funds::requests::{FundRequestRequest, FundRequestResponse, MAX_PURPOSE_CHARS};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::keys::Key;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::policy::Resource;
use crate::state::App;
use sluice_schemas::currency::Currency;
use sluice_schemas::decimal::Decimal;

/// Ask for money
#[utoipa::path(
    post, path = "/api/funds/requests/create/", tag = "funds",
    request_body(content(
        (FundRequestRequest = "application/json"),
        (FundRequestRequest = "application/x-www-form-urlencoded"),
        (FundRequestRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Asked", body = FundRequestResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_request(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let read = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let (account_id, amount, purpose) = read.ok_or_else(|| ApiError::bug("a request without values"))?;
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let mut transaction = allowed.begin(&app).await?;
    let account = accounts::lock_shared(&mut transaction, &[account_id], &[]).await?;
    let account = account.into_iter().find(|account| reach.has(account.buyer_id));
    let account = account.ok_or_else(|| ApiError::field("account_id", Key::from(account_id).no_such()))?;
    if account.state != "active" {
        let message = format!("The account is {}: nothing can be asked for.", account.state);
        return Err(ApiError::field("account_id", message));
    }
    let new = NewRequest {
        fund_account_id: account_id,
        buyer_id: account.buyer_id,
        amount_minor: minor(amount, &account.currency)?,
        currency: account.currency,
        purpose,
    };
    let id = requests::insert(&mut transaction, &new, time_of(&app.clock)).await?;
    let row = requests::reread(&mut transaction, id).await?;
    let made = FundRequestResponse::from(&row);
    audit::record(&mut transaction, &actor, "create", Resource::FundRequests, id, Diff::created(&made))
        .await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}

/// Reads account, amount and purpose; what is wrong stays in `fields`.
pub fn read(fields: &mut Fields) -> Option<(i64, Decimal, String)> {
    let account_id = fields.required_id("account_id");
    let amount = fields.required_decimal("amount");
    let purpose = fields.required_text("purpose", MAX_PURPOSE_CHARS);
    fields.finish().ok()?;
    Some((account_id?, amount?, purpose?))
}

/// An amount that is more than nothing.
///
/// # Errors
/// 400 at the amount.
pub fn minor(amount: Decimal, code: &str) -> Result<i64, ApiError> {
    let currency = Currency::parse(code).ok_or_else(|| ApiError::bug("an unknown currency"))?;
    to_minor(amount, currency, 1).map_err(|message| ApiError::field("amount", message))
}
