//! `PUT` and `PATCH /api/users/update/<id>/`: an Owner replaces or updates a user.

use axum::extract::State;
use axum::response::Response;

use crate::db::users::UserEdit;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use crate::people::change::change_user;
use crate::people::model;
use crate::people::model::{ReplaceUserRequest, UpdateUserRequest, UserResponse};

/// Replace a user
///
/// A new position or a deactivation ends all logins of the user at once. The last active Owner
/// cannot be demoted or deactivated.
#[utoipa::path(
    put, path = "/api/users/update/{id}/", tag = "users", params(("id" = i64, Path)),
    request_body = ReplaceUserRequest,
    responses((status = 200, description = "The updated user", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_user(
    State(app): State<App>,
    call: Call,
    Body { request, errors }: Body<ReplaceUserRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, request.into(), errors).await
}

/// Update a user
///
/// Like the replacement, but omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/users/update/{id}/", tag = "users", params(("id" = i64, Path)),
    request_body = UpdateUserRequest,
    responses((status = 200, description = "Updated", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_user(
    State(app): State<App>,
    call: Call,
    Body { request, errors }: Body<UpdateUserRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, request, errors).await
}

async fn change(
    app: &App,
    call: &Call,
    request: UpdateUserRequest,
    errors: Errors,
) -> Result<Response, ApiError> {
    let row = change_user(app, call, "update", |row| {
        errors.finish()?;
        Ok(request.applied_to(UserEdit::of(row)))
    });
    Ok(model::answer(row.await?))
}
