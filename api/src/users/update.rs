//! `PUT` and `PATCH /api/users/update/<id>/`: what an Owner changes of a person.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::db::users::UserEdit;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::policy::Position;
use crate::state::App;
use crate::users::account;
use crate::users::change::{Target, change_user};
use crate::users::detail;
use crate::users::list::UserResponse;

/// A person as they shall be.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ReplaceUserRequest {
    pub username: String,
    /// Blank when it is not sent, as the names are.
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// As it was when it is not sent, as the two below.
    pub position: Option<Position>,
    pub is_active: Option<bool>,
    /// As `Europe/Berlin`.
    pub time_zone: Option<String>,
}

/// What shall be otherwise.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpdateUserRequest {
    pub username: Option<String>,
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub position: Option<Position>,
    pub is_active: Option<bool>,
    pub time_zone: Option<String>,
}

/// Replace a user
///
/// A new position and a deactivation end all logins of that person at once. The last active Owner stays one.
#[utoipa::path(
    put, path = "/api/users/update/{id}/", tag = "users", params(("id" = i64, Path)),
    request_body(content(
        (ReplaceUserRequest = "application/json"),
        (ReplaceUserRequest = "application/x-www-form-urlencoded"),
        (ReplaceUserRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Replaced", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_user(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    headers: HeaderMap,
    PathId(id): PathId,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &headers, id, fields, true).await
}

/// Update a user
///
/// As the replacement, of the fields that are sent.
#[utoipa::path(
    patch, path = "/api/users/update/{id}/", tag = "users", params(("id" = i64, Path)),
    request_body(content(
        (UpdateUserRequest = "application/json"),
        (UpdateUserRequest = "application/x-www-form-urlencoded"),
        (UpdateUserRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Updated", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_user(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    headers: HeaderMap,
    PathId(id): PathId,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &headers, id, fields, false).await
}

async fn change(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    headers: &HeaderMap,
    id: i64,
    mut fields: Fields,
    is_whole: bool,
) -> Result<Response, ApiError> {
    let target = Target { id, allowed, actor, headers, verb: "update" };
    let row = change_user(app, &target, |row| {
        let edit = account::read_edit(&mut fields, UserEdit::of(row), is_whole);
        fields.finish().map_err(ApiError::fields)?;
        Ok(edit)
    });
    Ok(detail::answer(row.await?))
}
