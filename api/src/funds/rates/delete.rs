//! `DELETE /api/funds/rates/delete/<id>/`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::audit::{self, Actor, Diff};
use crate::db::funds::rates;
use crate::funds::rates::FundRateResponse;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;

/// Remove a rate
#[utoipa::path(
    delete, path = "/api/funds/rates/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Removed"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_rate(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let mut transaction = allowed.begin(&app).await?;
    let row = rates::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    check_version(&headers, row.version)?;
    rates::delete(&mut transaction, id).await?;
    let diff = Diff::deleted(&FundRateResponse::from(&row));
    audit::record(&mut transaction, &actor, "delete", Resource::FundRates, id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
