//! `DELETE /api/funds/rates/delete/<id>/`: deletes a rate.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::funds::rates;
use crate::funds::rates::model::FundRateResponse;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// Delete an exchange rate
///
/// Amounts that were converted by it stay as they are.
#[utoipa::path(
    delete, path = "/api/funds/rates/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_rate(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = rates::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    rates::delete(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&FundRateResponse::from(&row));
    call.record(&mut transaction, "delete", Resource::FundRates, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
