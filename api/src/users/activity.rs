//! `POST /api/users/<id>/approve|activate|deactivate/`: let a user in or lock them out.

use axum::extract::State;
use axum::response::Response;

use crate::db::users::{UserEdit, UserRow};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::state::App;
use crate::people::change::change_user;
use crate::people::model;
use crate::people::model::UserResponse;

/// Approve a registration
///
/// Activates a user who registered and waits for approval. An active user stays active. 409 for a
/// user who was deactivated.
#[utoipa::path(
    post, path = "/api/users/{id}/approve/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The active user", body = UserResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn approve_user(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    set_active(&app, &call, "approve").await
}

/// Activate a user
#[utoipa::path(
    post, path = "/api/users/{id}/activate/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The active user", body = UserResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn activate_user(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    set_active(&app, &call, "activate").await
}

/// Deactivate a user
///
/// All logins and API tokens of the user end at once. The last active Owner cannot be deactivated.
#[utoipa::path(
    post, path = "/api/users/{id}/deactivate/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The inactive user", body = UserResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn deactivate_user(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    set_active(&app, &call, "deactivate").await
}

async fn set_active(app: &App, call: &Call, verb: &str) -> Result<Response, ApiError> {
    let edit = |row: &UserRow| {
        if verb == "approve" && !row.is_active && !row.awaits_approval {
            return Err(ApiError::conflict("This user does not wait for an approval, but was deactivated."));
        }
        Ok(UserEdit { is_active: verb != "deactivate", ..UserEdit::of(row) })
    };
    Ok(model::answer(change_user(app, call, verb, edit).await?))
}
