//! `POST /api/funds/budgets/create/`: creates a budget.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::budgets;
use crate::db::time_of;
use crate::funds::answer;
use crate::funds::budgets::model::{FundBudgetRequest, FundBudgetResponse, check_team, constraint_error};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Create a budget
#[utoipa::path(
    post, path = "/api/funds/budgets/create/", tag = "funds",
    request_body = FundBudgetRequest,
    responses((status = 201, description = "Created", body = FundBudgetResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_fund_budget(
    State(app): State<App>,
    call: Call<()>,
    body: Body<FundBudgetRequest>,
) -> Result<Response, ApiError> {
    let values = body.values(FundBudgetRequest::values)?;
    let mut transaction = call.allowed.begin(&app).await?;
    check_team(&mut transaction, &values).await?;
    let id =
        budgets::insert(&mut transaction, &values, time_of(&app.clock)).await.map_err(constraint_error)?;
    let row = budgets::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = FundBudgetResponse::from(&row);
    call.record_created(&mut transaction, Resource::FundBudgets, id, &made).await?;
    transaction.answer(answer(StatusCode::CREATED, &made, row.version)).await
}
