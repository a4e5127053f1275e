//! `PUT` and `PATCH /api/funds/budgets/update/<id>/`. It is never less than what is approved of it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::budgets;
use crate::funds::answer;
use crate::funds::budgets::{
    FundBudgetRequest, FundBudgetResponse, check_team, constraint_error, keep_used, read,
};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;

/// Replace a budget
#[utoipa::path(
    put, path = "/api/funds/budgets/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundBudgetRequest = "application/json"),
        (FundBudgetRequest = "application/x-www-form-urlencoded"),
        (FundBudgetRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The budget as it is now", body = FundBudgetResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_budget(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, false)).await
}

/// Diff a budget
#[utoipa::path(
    patch, path = "/api/funds/budgets/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundBudgetRequest = "application/json"),
        (FundBudgetRequest = "application/x-www-form-urlencoded"),
        (FundBudgetRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The budget as it is now", body = FundBudgetResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_budget(
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
    let row = budgets::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    check_version(headers, row.version)?;
    let before = FundBudgetResponse::from(&row);
    if is_partial {
        fields.fill_from(&before);
    }
    let values = read(&mut fields);
    if let Some(values) = &values {
        keep_used(&mut fields, &row, values);
    }
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("a budget without values or errors"))?;
    check_team(&mut transaction, &values).await?;
    budgets::update(&mut transaction, id, &values).await.map_err(constraint_error)?;
    let row = budgets::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundBudgetResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, actor, "update", Resource::FundBudgets, id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
