//! `POST /api/teams/<id>/restore/`: brings a deleted team back, without its members.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::teams::{self, LEAD_UNIQUE};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::precondition::versioned;
use crate::http::server_error::constraint_to_conflict;
use crate::http::state::App;
use crate::policy::Resource;
use crate::teams::model::TeamResponse;

/// Restore a deleted team
///
/// Its former members do not return. 409 if its lead leads another team now.
#[utoipa::path(
    post, path = "/api/teams/{id}/restore/", tag = "teams", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored team", body = TeamResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_team(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    teams::lock_exclusive(&mut transaction).await?;
    let is_restored = teams::restore(&mut transaction, call.id).await.map_err(constraint_error)?;
    let row = teams::find(&mut *transaction, call.id).await?.filter(|_| is_restored);
    let row = row.ok_or_else(ApiError::not_found)?;
    // The restoration incremented it.
    call.check_version(row.version - 1)?;
    let version = row.version;
    let restored = TeamResponse::from(row);
    call.record(&mut transaction, "restore", Resource::Teams, Diff::created(&restored)).await?;
    transaction.commit().await?;
    Ok(versioned(version, &restored))
}

fn constraint_error(error: sqlx::Error) -> ApiError {
    let message = "Its lead leads another team now. Give that team another lead first.";
    constraint_to_conflict(error, &[(LEAD_UNIQUE, message)])
}
