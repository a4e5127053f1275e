//! `POST /api/funds/budgets/create/`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::budgets;
use crate::db::time_of;
use crate::funds::answer;
use crate::funds::budgets::{FundBudgetRequest, FundBudgetResponse, check_team, constraint_error, read};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::policy::Resource;
use crate::state::App;

/// Set a budget
#[utoipa::path(
    post, path = "/api/funds/budgets/create/", tag = "funds",
    request_body(content(
        (FundBudgetRequest = "application/json"),
        (FundBudgetRequest = "application/x-www-form-urlencoded"),
        (FundBudgetRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Set", body = FundBudgetResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_budget(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let values = read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("a budget without values or errors"))?;
    let mut transaction = allowed.begin(&app).await?;
    check_team(&mut transaction, &values).await?;
    let id =
        budgets::insert(&mut transaction, &values, time_of(&app.clock)).await.map_err(constraint_error)?;
    let row = budgets::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundBudgetResponse::from(&row);
    audit::record(&mut transaction, &actor, "create", Resource::FundBudgets, id, Diff::created(&made))
        .await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
