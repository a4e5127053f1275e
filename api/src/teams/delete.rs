//! `DELETE /api/teams/delete/<id>/`: the team is archived, its members are in none from now on.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::audit::{self, Actor, Change};
use crate::db::teams;
use crate::error::ApiError;
use crate::openapi::ChangeErrors;
use crate::path_id::PathId;
use crate::policy::Resource;
use crate::precondition::check_version;
use crate::state::App;
use crate::teams::list::TeamResponse;

/// Delete a team
///
/// What its members brought while they were in it stays counted for it.
#[utoipa::path(
    delete, path = "/api/teams/delete/{id}/", tag = "teams", params(("id" = i64, Path)),
    responses((status = 204, description = "Gone"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_team(
    State(app): State<App>,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let mut transaction = app.postgres.begin().await?;
    teams::lock(&mut transaction).await?;
    let team = teams::find(&mut *transaction, id).await?.ok_or_else(ApiError::not_found)?;
    check_version(&headers, team.version)?;
    teams::leave(&mut transaction, id, &team.members).await?;
    teams::archive(&mut transaction, id).await?;
    let change = Change::deleted(&TeamResponse::from(team));
    audit::record(&mut transaction, &actor, "delete", Resource::Teams, id, change).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
