//! `POST /api/funds/rates/create/`: creates a rate.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::rates;
use crate::db::time_of;
use crate::funds::answer;
use crate::funds::rates::model::{FundRateRequest, FundRateResponse, constraint_error};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Create an exchange rate
#[utoipa::path(
    post, path = "/api/funds/rates/create/", tag = "funds",
    request_body = FundRateRequest,
    responses((status = 201, description = "Created", body = FundRateResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_rate(
    State(app): State<App>,
    call: Call<()>,
    body: Body<FundRateRequest>,
) -> Result<Response, ApiError> {
    let values = body.values(FundRateRequest::values)?;
    let mut transaction = call.allowed.begin(&app).await?;
    let id = rates::insert(&mut transaction, &values, time_of(&app.clock)).await.map_err(constraint_error)?;
    let row = rates::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundRateResponse::from(&row);
    call.record_created(&mut transaction, Resource::FundRates, id, &made).await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
