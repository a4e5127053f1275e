//! `POST /api/users/login/`: exchanges a username and password for a pair of tokens.

use axum::Json;
use axum::extract::State;

use crate::db::audit::Actor;
use crate::http::auth::login::{Attempt, LoginError, log_in};
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::{AccountErrors, Throttled};
use crate::http::request::Body;
use crate::http::state::App;
use crate::users::model::{LoginUserRequest, TokensResponse};

/// Log in
///
/// If the account has a second factor and the password is right, a login without `code` gets a 400
/// with an error at `code`. 429 after too many wrong passwords or codes for an account or from an
/// address.
#[utoipa::path(
    post, path = "/api/users/login/", tag = "users",
    request_body = LoginUserRequest,
    responses((status = 200, description = "Logged in", body = TokensResponse), AccountErrors, Throttled),
    security(()),
)]
pub async fn login_user(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    body: Body<LoginUserRequest>,
) -> Result<Json<TokensResponse>, ApiError> {
    let request = body.checked().map_err(ApiError::in_account_shape)?;
    let attempt = Attempt { username: &request.username, password: &request.password, code: &request.code.0 };
    let user = log_in(&app, &client, &actor, attempt).await.map_err(LoginError::into_api_error)?;
    let pair = app.tokens.begin(&app.postgres, &user, &client.origin()).await?;
    Ok(Json(TokensResponse::new("User logged in successfully.", pair)))
}
