//! `POST /api/funds/accounts/create/`: creates an ad account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::accounts;
use crate::db::time_of;
use crate::funds::accounts::model::{FundAccountRequest, FundAccountResponse, constraint_error};
use crate::funds::answer;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Create an ad account
#[utoipa::path(
    post, path = "/api/funds/accounts/create/", tag = "funds",
    request_body = FundAccountRequest,
    responses((status = 201, description = "Created", body = FundAccountResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_account(
    State(app): State<App>,
    call: Call<()>,
    body: Body<FundAccountRequest>,
) -> Result<Response, ApiError> {
    let values = body.values(FundAccountRequest::values)?;
    let now = time_of(&app.clock);
    let mut transaction = call.allowed.begin(&app).await?;
    let id = accounts::insert(&mut transaction, &values, now)
        .await
        .map_err(|error| constraint_error(error, &values))?;
    let row = accounts::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundAccountResponse::from(&row);
    call.record_created(&mut transaction, Resource::FundAccounts, id, &made).await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
