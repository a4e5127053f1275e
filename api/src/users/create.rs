//! `POST /api/users/create/`: an Owner creates an active account of any position. The public uses
//! `register`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::set_version;
use crate::http::request::Body;
use crate::http::state::App;
use crate::people::model::{RegisterUserRequest, UserResponse};
use crate::users::register;

/// Create a user
///
/// For Owners. The account is active at once, in every mode of registration.
#[utoipa::path(
    post, path = "/api/users/create/", tag = "users",
    request_body = RegisterUserRequest,
    responses((status = 201, description = "Created", body = UserResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_user(
    State(app): State<App>,
    call: Call<()>,
    body: Body<RegisterUserRequest>,
) -> Result<Response, ApiError> {
    let new = register::hashed(&app, register::checked(&app, body).await?, true).await?;
    let mut transaction = call.allowed.begin(&app).await?;
    let row = register::insert(&mut transaction, &call.actor, "create", &new).await?;
    let version = row.version;
    let mut response = (StatusCode::CREATED, Json(UserResponse::from(row))).into_response();
    set_version(&mut response, version);
    transaction.answer(response).await
}
