//! `POST /api/funds/accounts/create/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::accounts;
use crate::db::time_of;
use crate::funds::accounts::{FundAccountRequest, FundAccountResponse, constraint_error, read};
use crate::funds::answer;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::policy::Resource;
use crate::state::App;

/// Open an ad account
#[utoipa::path(
    post, path = "/api/funds/accounts/create/", tag = "funds",
    request_body(content(
        (FundAccountRequest = "application/json"),
        (FundAccountRequest = "application/x-www-form-urlencoded"),
        (FundAccountRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Opened", body = FundAccountResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_account(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let values = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("an account without values or errors"))?;
    let now = time_of(&app.clock);
    let mut transaction = allowed.begin(&app).await?;
    let id = accounts::insert(&mut transaction, &values, now)
        .await
        .map_err(|error| constraint_error(error, &values))?;
    let row = accounts::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundAccountResponse::from(&row);
    audit::record(&mut transaction, &actor, "create", Resource::FundAccounts, id, Diff::created(&made))
        .await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
