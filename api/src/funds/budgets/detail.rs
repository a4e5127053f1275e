//! `GET /api/funds/budgets/detail/<id>/`: returns a budget.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::budgets;
use crate::funds::answer;
use crate::funds::budgets::model::{FundBudgetResponse, team_in_reach};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;

/// Get a budget
#[utoipa::path(
    get, path = "/api/funds/budgets/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The budget, with its version as `ETag`", body = FundBudgetResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_budget(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row =
        budgets::find(&app.postgres, id, team_in_reach(&allowed)).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(StatusCode::OK, &FundBudgetResponse::from(&row), row.version))
}
