//! `POST /api/funds/accounts/<id>/restore/`: brings a deleted ad account back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::funds::accounts::{self, NAME_UNIQUE};
use crate::funds::accounts::model::FundAccountResponse;
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::server_error::constraint_to_conflict;
use crate::http::state::App;
use crate::policy::Resource;

/// Restore a deleted ad account
///
/// 409 if its name was given to another account.
#[utoipa::path(
    post, path = "/api/funds/accounts/{id}/restore/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored account", body = FundAccountResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_fund_account(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let mut transaction = call.allowed.begin(&app).await?;
    let is_restored = accounts::restore(&mut transaction, call.id).await.map_err(constraint_error)?;
    let row = accounts::lock_exclusive(&mut transaction, call.id).await?.filter(|_| is_restored);
    let row = row.filter(|row| reach.has(row.buyer_id)).ok_or_else(ApiError::not_found)?;
    // The restoration incremented it.
    call.check_version(row.version - 1)?;
    let restored = FundAccountResponse::from(&row);
    call.record(&mut transaction, "restore", Resource::FundAccounts, Diff::created(&restored)).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &restored, row.version))
}

fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_conflict(error, &[(NAME_UNIQUE, "Another account has this name now. Rename it first.")])
}
