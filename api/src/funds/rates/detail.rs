//! `GET /api/funds/rates/detail/<id>/`: returns a rate.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::rates;
use crate::funds::answer;
use crate::funds::rates::model::FundRateResponse;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;

/// Get an exchange rate
#[utoipa::path(
    get, path = "/api/funds/rates/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The rate, with its version as `ETag`", body = FundRateResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_rate(State(app): State<App>, PathId(id): PathId) -> Result<Response, ApiError> {
    let row = rates::find(&app.postgres, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(StatusCode::OK, &FundRateResponse::from(&row), row.version))
}
