//! `POST /api/users/<id>/restore/`: brings a deleted user back.

use axum::extract::State;
use axum::response::Response;

use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::state::App;
use crate::people::change;
use crate::people::model::{self, UserResponse};

/// Restore a deleted user
///
/// The user is inactive and in no team. The password is the former one. 409 if the username was
/// given to another user.
#[utoipa::path(
    post, path = "/api/users/{id}/restore/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored user", body = UserResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_user(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    Ok(model::answer(change::restore_user(&app, &call).await?))
}
