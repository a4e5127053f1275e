//! `POST /api/funds/rates/create/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::rates;
use crate::db::time_of;
use crate::funds::answer;
use crate::funds::rates::{FundRateRequest, FundRateResponse, constraint_error, read};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::policy::Resource;
use crate::state::App;

/// Set a rate
#[utoipa::path(
    post, path = "/api/funds/rates/create/", tag = "funds",
    request_body(content(
        (FundRateRequest = "application/json"),
        (FundRateRequest = "application/x-www-form-urlencoded"),
        (FundRateRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Set", body = FundRateResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_rate(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let values = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("a rate without values or errors"))?;
    let mut transaction = allowed.begin(&app).await?;
    let id = rates::insert(&mut transaction, &values, time_of(&app.clock)).await.map_err(constraint_error)?;
    let row = rates::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundRateResponse::from(&row);
    audit::record(&mut transaction, &actor, "create", Resource::FundRates, id, Diff::created(&made)).await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
