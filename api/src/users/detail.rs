//! `GET /api/users/detail/<id>/`: one person, if the viewer may see them.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use crate::db::users::{self, UserRow, Visible};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::set_version;
use crate::state::App;
use crate::users::list::UserResponse;

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
    Ok(answer(row))
}

/// A user with their version.
#[must_use]
pub fn answer(row: UserRow) -> Response {
    let version = row.version;
    let mut response = Json(UserResponse::from(row)).into_response();
    set_version(&mut response, version);
    response
}
