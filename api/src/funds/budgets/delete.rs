//! `DELETE /api/funds/budgets/delete/<id>/`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::audit::{self, Actor, Diff};
use crate::db::funds::budgets;
use crate::funds::budgets::FundBudgetResponse;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;

/// Remove a budget
#[utoipa::path(
    delete, path = "/api/funds/budgets/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_budget(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let mut transaction = allowed.begin(&app).await?;
    let row = budgets::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    check_version(&headers, row.version)?;
    if row.used_minor > 0 {
        return Err(ApiError::conflict("Requests were approved within this budget."));
    }
    budgets::delete(&mut transaction, id).await?;
    let diff = Diff::deleted(&FundBudgetResponse::from(&row));
    audit::record(&mut transaction, &actor, "delete", Resource::FundBudgets, id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
