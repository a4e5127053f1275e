//! `DELETE /api/funds/accounts/delete/<id>/`: archives an ad account with balance zero and without
//! open or approved requests.

use axum::extract::State;
use axum::http::StatusCode;

use crate::amount::show;
use crate::db::audit::Diff;
use crate::db::funds::accounts;
use crate::db::time_of;
use crate::funds::accounts::model::FundAccountResponse;
use crate::funds::reach::Reach;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// Delete an ad account
///
/// The account is archived, and its ledger stays. 409 if its balance is not zero, or if requests
/// for it are open or approved.
#[utoipa::path(
    delete, path = "/api/funds/accounts/delete/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 204, description = "Archived"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_fund_account(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let reach = Reach::of(&app.postgres, &call.allowed).await?;
    let mut transaction = call.allowed.begin(&app).await?;
    let row =
        accounts::lock_exclusive(&mut transaction, call.id).await?.filter(|row| reach.has(row.buyer_id));
    let row = row.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    let pending = accounts::pending_money(&mut transaction, call.id).await?;
    if pending.balance_minor != 0 {
        let balance = show(pending.balance_minor, &row.currency);
        let detail =
            format!("The account holds {balance} {}. Only an empty one can be archived.", row.currency);
        return Err(ApiError::conflict(detail));
    }
    if pending.n_requests > 0 {
        return Err(ApiError::conflict("Requests for this account are open or approved."));
    }
    accounts::archive(&mut transaction, call.id, time_of(&app.clock)).await?;
    let diff = Diff::deleted(&FundAccountResponse::from(&row));
    call.record(&mut transaction, "delete", Resource::FundAccounts, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
