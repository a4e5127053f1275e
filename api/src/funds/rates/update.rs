//! `PUT` and `PATCH /api/funds/rates/update/<id>/`. What was converted by it stays as it was.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::rates;
use crate::funds::answer;
use crate::funds::rates::{FundRateRequest, FundRateResponse, constraint_error, read};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;

/// Replace a rate
#[utoipa::path(
    put, path = "/api/funds/rates/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundRateRequest = "application/json"),
        (FundRateRequest = "application/x-www-form-urlencoded"),
        (FundRateRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The rate as it is now", body = FundRateResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_rate(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, false)).await
}

/// Diff a rate
#[utoipa::path(
    patch, path = "/api/funds/rates/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundRateRequest = "application/json"),
        (FundRateRequest = "application/x-www-form-urlencoded"),
        (FundRateRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The rate as it is now", body = FundRateResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_rate(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, true)).await
}

async fn change(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    id: i64,
    headers: &HeaderMap,
    (mut fields, is_partial): (Fields, bool),
) -> Result<Response, ApiError> {
    let mut transaction = allowed.begin(app).await?;
    let row = rates::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    check_version(headers, row.version)?;
    let before = FundRateResponse::from(&row);
    if is_partial {
        fields.fill_from(&before);
    }
    let values = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("a rate without values or errors"))?;
    rates::update(&mut transaction, id, &values).await.map_err(constraint_error)?;
    let row = rates::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundRateResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, actor, "update", Resource::FundRates, id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
