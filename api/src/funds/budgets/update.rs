//! `PUT` and `PATCH /api/funds/budgets/update/<id>/`: replace or update a budget. The amount is
//! never less than the approved part.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::audit::{self, Diff};
use crate::db::funds::budgets;
use crate::funds::answer;
use crate::funds::budgets::model::{
    FundBudgetRequest, FundBudgetResponse, UpdateFundBudgetRequest, check_team, constraint_error, keep_used,
};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Replace a budget
#[utoipa::path(
    put, path = "/api/funds/budgets/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = FundBudgetRequest,
    responses((status = 200, description = "The updated budget", body = FundBudgetResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_budget(
    State(app): State<App>,
    call: Call,
    body: Body<FundBudgetRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update a budget
///
/// Omitted fields keep their values. The amount cannot be less than the approved part.
#[utoipa::path(
    patch, path = "/api/funds/budgets/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body = UpdateFundBudgetRequest,
    responses((status = 200, description = "The updated budget", body = FundBudgetResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_budget(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateFundBudgetRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&FundBudgetResponse) -> Body<FundBudgetRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = budgets::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    let before = FundBudgetResponse::from(&row);
    let values = body(&before).values(|request, errors| {
        let values = request.values(errors)?;
        keep_used(errors, &row, &values);
        Some(values)
    })?;
    check_team(&mut transaction, &values).await?;
    budgets::update(&mut transaction, call.id, &values).await.map_err(constraint_error)?;
    let row = budgets::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundBudgetResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, &call.actor, "update", Resource::FundBudgets, call.id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
