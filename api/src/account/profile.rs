//! `/api/account/`: the caller's own account, and the fields that the caller may change.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use crate::db::users::{self, UserEdit, UserRow, Visible};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, DetailErrors};
use crate::http::precondition::set_version;
use crate::http::request::Body;
use crate::http::state::App;
use crate::people::change::change_user;
use crate::people::model::{AccountResponse, UpdateAccountRequest};

/// Get the caller's account
#[utoipa::path(
    get, path = "/api/account/", tag = "account",
    responses((status = 200, description = "The caller", body = AccountResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_account(State(app): State<App>, allowed: Allowed) -> Result<Response, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let row = users::find(&app.postgres, allowed.viewer.id, visible).await?;
    Ok(answer(row.ok_or_else(ApiError::not_found)?))
}

/// Update the caller's account
///
/// Only an Owner can change username and position.
#[utoipa::path(
    patch, path = "/api/account/", tag = "account",
    request_body = UpdateAccountRequest,
    responses((status = 200, description = "Updated", body = AccountResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_account(
    State(app): State<App>,
    call: Call<()>,
    body: Body<UpdateAccountRequest>,
) -> Result<Response, ApiError> {
    Ok(answer(change(&app, call, body).await?))
}

/// Changes the caller's account, for the API and the page.
///
/// # Errors
/// As [`change_user`].
pub async fn change(
    app: &App,
    call: Call<()>,
    Body { request, errors }: Body<UpdateAccountRequest>,
) -> Result<UserRow, ApiError> {
    let edit = |row: &UserRow| {
        errors.finish()?;
        Ok(request.applied_to(UserEdit::of(row)))
    };
    change_user(app, &call.about_oneself(), "update", edit).await
}

fn answer(row: UserRow) -> Response {
    let version = row.version;
    let mut response = Json(AccountResponse::from(row)).into_response();
    set_version(&mut response, version);
    response
}
