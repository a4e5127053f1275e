//! `POST /api/users/login/`: a username and password for a pair of tokens.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::auth::login::{LoginError, log_in};
use crate::auth::token::Pair;
use crate::http::body::Posted;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::{AccountErrors, Throttled};
use crate::state::App;
use crate::users::account::MAX_USERNAME_CHARS;

/// Who wants in.
#[derive(Debug, Deserialize, ToSchema)]
pub struct LoginUserRequest {
    pub username: String,
    pub password: String,
}

/// A pair of tokens.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokensResponse {
    pub message: String,
    /// For the `Authorization: Bearer` header.
    pub access_token: String,
    /// Good for one exchange at `/api/users/refresh/`.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

impl TokensResponse {
    /// With the seed's message.
    #[must_use]
    pub fn new(message: &str, pair: Pair) -> Self {
        Self {
            message: message.to_owned(),
            access_token: pair.access,
            refresh_token: pair.refresh,
            expires_in: pair.expires_in_s,
        }
    }
}

/// Log in
///
/// Too many wrong passwords for an account, or from an address, end in 429 for a while.
#[utoipa::path(
    post, path = "/api/users/login/", tag = "users",
    request_body(content(
        (LoginUserRequest = "application/json"),
        (LoginUserRequest = "application/x-www-form-urlencoded"),
        (LoginUserRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Logged in", body = TokensResponse), AccountErrors, Throttled),
    security(()),
)]
pub async fn login_user(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Json<TokensResponse>, ApiError> {
    let username = fields.required_text("username", MAX_USERNAME_CHARS);
    let password = fields.required_secret("password", usize::MAX);
    let (Some(username), Some(password)) = (username, password) else {
        return Err(ApiError::bad_request(fields.finish().err().unwrap_or_default()));
    };
    let user = log_in(&app, &client, &actor, &username, &password).await;
    let user = user.map_err(LoginError::into_api_error)?;
    let pair = app.tokens.begin(&app.postgres, &user, &client.origin()).await?;
    Ok(Json(TokensResponse::new("User logged in successfully.", pair)))
}
