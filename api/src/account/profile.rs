//! `/api/account/`: the caller's own account, and the fields that the caller may change.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::db::users::{self, UserEdit, Visible};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::{ChangeErrors, DetailErrors};
use crate::state::App;
use crate::users::account::read_profile;
use crate::users::change::{Target, change_user};
use crate::users::detail;
use crate::users::list::UserResponse;

/// The fields to change.
#[derive(Debug, Deserialize, ToSchema)]
pub struct UpdateAccountRequest {
    pub email: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    /// Name of a time zone, like `Europe/Berlin`.
    pub time_zone: Option<String>,
}

/// Get the caller's account
#[utoipa::path(
    get, path = "/api/account/", tag = "account",
    responses((status = 200, description = "The caller", body = UserResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_account(State(app): State<App>, allowed: Allowed) -> Result<Response, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let row = users::find(&app.postgres, allowed.viewer.id, visible).await?;
    Ok(detail::answer(row.ok_or_else(ApiError::not_found)?))
}

/// Update the caller's account
///
/// Only an Owner can change username and position.
#[utoipa::path(
    patch, path = "/api/account/", tag = "account",
    request_body(content(
        (UpdateAccountRequest = "application/json"),
        (UpdateAccountRequest = "application/x-www-form-urlencoded"),
        (UpdateAccountRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Updated", body = UserResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_account(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    headers: HeaderMap,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let target =
        Target { id: allowed.viewer.id, allowed: &allowed, actor: &actor, headers: &headers, verb: "update" };
    let row = change_user(&app, &target, |row| {
        let edit = read_profile(&mut fields, UserEdit::of(row), false);
        fields.finish().map_err(ApiError::fields)?;
        Ok(edit)
    });
    Ok(detail::answer(row.await?))
}
