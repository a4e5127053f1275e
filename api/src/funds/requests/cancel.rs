//! `POST /api/funds/requests/<id>/cancel/`, and `DELETE /api/funds/requests/delete/<id>/`, which
//! does the same: cancel a request. It stays visible. An approved request returns its amount to the
//! budget.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::budgets;
use crate::db::funds::requests::{self, Decision};
use crate::db::time_of;
use crate::funds::reach::Reach;
use crate::funds::requests::model::{FundRequestResponse, changed, lock_exclusive};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;

/// Cancel a request
///
/// The request must be open or approved. It stays visible, and an approved request returns its
/// amount to the budget.
#[utoipa::path(
    post, path = "/api/funds/requests/{id}/cancel/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "Cancelled", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn cancel_fund_request(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    cancel(&app, &call).await
}

/// Cancel a request
///
/// The same as `POST /api/funds/requests/{id}/cancel/`.
#[utoipa::path(
    delete, path = "/api/funds/requests/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Cancelled"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_request(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    cancel(&app, &call).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn cancel(app: &App, call: &Call) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let mut transaction = call.allowed.begin(app).await?;
    let row = lock_exclusive(&mut transaction, &reach, call, &["open", "approved"]).await?;
    if let Some((budget_id, minor)) = row.budget_id.zip(row.budget_minor) {
        budgets::release(&mut transaction, budget_id, minor).await?;
    }
    let decision =
        Decision { status: "cancelled", decided_by: Some(call.allowed.viewer.id), ..Decision::default() };
    requests::decide(&mut transaction, call.id, &decision, time_of(&app.clock)).await?;
    let response = changed(&mut transaction, &call.actor, "cancel", &row).await?;
    transaction.commit().await?;
    Ok(response)
}
