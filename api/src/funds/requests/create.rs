//! `POST /api/funds/requests/create/`: a buyer, or an Owner for a buyer, requests money for an ad
//! account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use sluice_schemas::currency::Currency;

use crate::amount::to_minor;
use crate::db::funds::accounts;
use crate::db::funds::requests::{self, NewRequest};
use crate::db::time_of;
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::funds::requests::model::{FundRequestRequest, FundRequestResponse};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use sluice_schemas::decimal::Decimal;

/// Create a request for money
#[utoipa::path(
    post, path = "/api/funds/requests/create/", tag = "funds",
    request_body = FundRequestRequest,
    responses((status = 201, description = "Created", body = FundRequestResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_request(
    State(app): State<App>,
    call: Call<()>,
    body: Body<FundRequestRequest>,
) -> Result<Response, ApiError> {
    let request = body.checked()?;
    let (account_id, amount) = (request.account_id.0, request.amount.checked()?);
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let mut transaction = call.allowed.begin(&app).await?;
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
        purpose: request.purpose.0,
    };
    let id = requests::insert(&mut transaction, &new, time_of(&app.clock)).await?;
    let row = requests::reread(&mut transaction, id).await?;
    let made = FundRequestResponse::from(&row);
    call.record_created(&mut transaction, Resource::FundRequests, id, &made).await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}

/// Returns an amount in minor units. It must be greater than 0.
///
/// # Errors
/// 400 at `amount`.
pub fn minor(amount: Decimal, code: &str) -> Result<i64, ApiError> {
    let currency = Currency::parse(code).ok_or_else(|| ApiError::bug("an unknown currency"))?;
    to_minor(amount, currency, 1).map_err(|message| ApiError::field("amount", message))
}
