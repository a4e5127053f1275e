//! `PUT` and `PATCH /api/funds/accounts/update/<id>/`: replace or update an ad account. A new buyer
//! has it from now on. Its history stays with the previous buyer.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::audit::{self, Diff};
use crate::db::funds::accounts;
use crate::db::time_of;
use crate::funds::accounts::model::{
    FundAccountRequest, FundAccountResponse, UpdateFundAccountRequest, constraint_error,
};
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Replace an ad account
#[utoipa::path(
    put, path = "/api/funds/accounts/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = FundAccountRequest,
    responses((status = 200, description = "The updated account", body = FundAccountResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_account(
    State(app): State<App>,
    call: Call,
    body: Body<FundAccountRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update an ad account
///
/// Omitted fields keep their values. A new buyer has the account from now on.
#[utoipa::path(
    patch, path = "/api/funds/accounts/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = UpdateFundAccountRequest,
    responses((status = 200, description = "The updated account", body = FundAccountResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_account(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateFundAccountRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&FundAccountResponse) -> Body<FundAccountRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let reach = Reach::of(&mut *transaction, &call.allowed).await?;
    let row =
        accounts::lock_exclusive(&mut transaction, call.id).await?.filter(|row| reach.has(row.buyer_id));
    let row = row.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    let before = FundAccountResponse::from(&row);
    let values = body(&before).values(|request, errors| {
        let values = request.values(errors)?;
        if values.currency != row.currency {
            errors.fail("currency", "The currency of an account cannot be changed.");
        }
        Some(values)
    })?;
    let now = time_of(&app.clock);
    accounts::update(&mut transaction, call.id, &values, now)
        .await
        .map_err(|error| constraint_error(error, &values))?;
    let row = accounts::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundAccountResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, &call.actor, "update", Resource::FundAccounts, call.id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
