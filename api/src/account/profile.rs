//! `/api/account/`: the caller's own account, and the fields that the caller may change.

use axum::extract::State;
use axum::response::Response;

use crate::db::users::{self, UserEdit, Visible};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, DetailErrors};
use crate::http::request::Body;
use crate::http::state::App;
use crate::people::change::change_user;
use crate::people::model;
use crate::people::model::{UpdateAccountRequest, UpdateUserRequest, UserResponse};

/// Get the caller's account
#[utoipa::path(
    get, path = "/api/account/", tag = "account",
    responses((status = 200, description = "The caller", body = UserResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_account(State(app): State<App>, allowed: Allowed) -> Result<Response, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let row = users::find(&app.postgres, allowed.viewer.id, visible).await?;
    Ok(model::answer(row.ok_or_else(ApiError::not_found)?))
}

/// Update the caller's account
///
/// Only an Owner can change username and position.
#[utoipa::path(
    patch, path = "/api/account/", tag = "account",
    request_body = UpdateAccountRequest,
    responses((status = 200, description = "Updated", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_account(
    State(app): State<App>,
    call: Call<()>,
    Body { request, errors }: Body<UpdateAccountRequest>,
) -> Result<Response, ApiError> {
    let call = call.about_oneself();
    let row = change_user(&app, &call, "update", |row| {
        errors.finish()?;
        Ok(UpdateUserRequest::from(request).applied_to(UserEdit::of(row)))
    });
    Ok(model::answer(row.await?))
}
