//! `DELETE /api/teams/delete/<id>/`: archives a team. Its members leave it.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::teams;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;
use crate::teams::model::TeamResponse;

/// Delete a team
///
/// Its members leave it. Their events from the time in the team still count for it.
#[utoipa::path(
    delete, path = "/api/teams/delete/{id}/", tag = "teams", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_team(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    teams::lock_exclusive(&mut transaction).await?;
    let team = teams::find(&mut *transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(team.version)?;
    teams::leave(&mut transaction, team.id, &team.members).await?;
    teams::archive(&mut transaction, team.id).await?;
    let diff = Diff::deleted(&TeamResponse::from(team));
    call.record(&mut transaction, "delete", Resource::Teams, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
