//! `PUT` and `PATCH /api/funds/rates/update/<id>/`: replace or update a rate. Amounts that were
//! converted by it stay as they are.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::audit::{self, Diff};
use crate::db::funds::rates;
use crate::funds::answer;
use crate::funds::rates::model::{
    FundRateRequest, FundRateResponse, UpdateFundRateRequest, constraint_error,
};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Replace an exchange rate
#[utoipa::path(
    put, path = "/api/funds/rates/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = FundRateRequest,
    responses((status = 200, description = "The updated rate", body = FundRateResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_rate(
    State(app): State<App>,
    call: Call,
    body: Body<FundRateRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update an exchange rate
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/funds/rates/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = UpdateFundRateRequest,
    responses((status = 200, description = "The updated rate", body = FundRateResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_rate(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateFundRateRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&FundRateResponse) -> Body<FundRateRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = rates::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    let before = FundRateResponse::from(&row);
    let values = body(&before).values(FundRateRequest::values)?;
    rates::update(&mut transaction, call.id, &values).await.map_err(constraint_error)?;
    let row = rates::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundRateResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, &call.actor, "update", Resource::FundRates, call.id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
