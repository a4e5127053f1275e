//! `DELETE /api/users/delete/<id>/`: archives a user. Their events, campaigns and money keep their
//! name.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

use crate::audit::Actor;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::RemoveErrors;
use crate::http::path_id::PathId;
use crate::state::App;
use crate::users::change::{Target, archive_user};

/// Delete a user
///
/// The user disappears from lists and details, cannot log in, and leaves the team. Their earlier
/// events stay theirs. The username can be given again. The last active Owner cannot be deleted.
#[utoipa::path(
    delete, path = "/api/users/delete/{id}/", tag = "users",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn delete_user(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    headers: HeaderMap,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let target = Target { id, allowed: &allowed, actor: &actor, headers: &headers, verb: "delete" };
    archive_user(&app, &target).await?;
    Ok(StatusCode::NO_CONTENT)
}
