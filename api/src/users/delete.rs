//! `DELETE /api/users/delete/<id>/`: archives a user. Their events, campaigns and money keep their
//! name.

use axum::extract::State;
use axum::http::StatusCode;

use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::state::App;
use crate::people::change::archive_user;

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
pub async fn delete_user(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    archive_user(&app, &call).await?;
    Ok(StatusCode::NO_CONTENT)
}
