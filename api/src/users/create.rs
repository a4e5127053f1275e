//! `POST /api/users/create/`: an Owner creates an active account of any position. The public uses
//! `register`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::audit::Actor;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::set_version;
use crate::state::App;
use crate::users::account;
use crate::users::list::UserResponse;
use crate::users::register::{self, RegisterUserRequest};

/// Create a user
///
/// For Owners. The account is active at once, in every mode of registration.
#[utoipa::path(
    post, path = "/api/users/create/", tag = "users",
    request_body(content(
        (RegisterUserRequest = "application/json"),
        (RegisterUserRequest = "application/x-www-form-urlencoded"),
        (RegisterUserRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created", body = UserResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_user(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let account = account::read(&mut fields);
    let (Some(account), Ok(())) = (account, fields.finish()) else {
        return Err(ApiError::fields(fields.finish().err().unwrap_or_default()));
    };
    let new = register::hashed(&app, account, true).await?;
    let mut transaction = allowed.begin(&app).await?;
    let row = register::insert(&mut transaction, &actor, "create", &new).await?;
    let version = row.version;
    let mut response = (StatusCode::CREATED, Json(UserResponse::from(row))).into_response();
    set_version(&mut response, version);
    transaction.answer(response).await
}
