//! `GET /api/teams/detail/<id>/`: returns a team, with its version as `ETag`.

use axum::extract::State;
use axum::response::Response;

use crate::db::teams::{self, TeamRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::policy::Scope;
use crate::teams::model::TeamResponse;

/// Get a team
#[utoipa::path(
    get, path = "/api/teams/detail/{id}/", tag = "teams", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "The team", body = TeamResponse, headers(("ETag" = String, description = "Version of the team"))),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_team(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = find(&app, &allowed, id).await?;
    Ok(versioned(row.version, &TeamResponse::from(row)))
}

/// Returns a team within the viewer's scope.
///
/// # Errors
/// 404 if it does not exist, is deleted or is out of scope.
pub async fn find(app: &App, allowed: &Allowed, id: i64) -> Result<TeamRow, ApiError> {
    let row = teams::find(&app.postgres, id).await?;
    row.filter(|row| is_in_scope(allowed, row.id)).ok_or_else(ApiError::not_found)
}

/// Returns whether a team is within the scope of the viewer's grant.
#[must_use]
pub fn is_in_scope(allowed: &Allowed, team_id: i64) -> bool {
    allowed.grant.scope == Scope::All || allowed.viewer.team.as_ref().is_some_and(|(own, _)| *own == team_id)
}
