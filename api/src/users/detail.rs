//! `GET /api/users/detail/<id>/`: returns a user within the viewer's scope.

use axum::extract::State;
use axum::response::Response;

use crate::db::users::{self, Visible};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;
use crate::people::model::{self, UserResponse};

/// Get a user
#[utoipa::path(
    get, path = "/api/users/detail/{id}/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The user", body = UserResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_user(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let row = users::find(&app.postgres, id, visible).await?.ok_or_else(ApiError::not_found)?;
    Ok(model::answer(row))
}
