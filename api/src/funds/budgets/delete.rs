//! `DELETE /api/funds/budgets/delete/<id>/`: deletes a budget.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::funds::budgets;
use crate::funds::budgets::model::FundBudgetResponse;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// Delete a budget
///
/// 409 if requests were approved within it.
#[utoipa::path(
    delete, path = "/api/funds/budgets/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_budget(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = budgets::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    if row.used_minor > 0 {
        return Err(ApiError::conflict("Requests were approved within this budget."));
    }
    budgets::delete(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&FundBudgetResponse::from(&row));
    call.record(&mut transaction, "delete", Resource::FundBudgets, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
