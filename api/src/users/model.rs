//! Requests and responses of logins, tokens and registration; `people/model.rs` has those of people.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::login::MAX_USERNAME_CHARS;
use crate::http::auth::token::Pair;
use crate::http::fields::types::{Secret, Text};
use crate::http::request::request;
use crate::people::rules::NewPassword;
use crate::policy::Position;

/// The account that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterUserResponse {
    pub message: String,
    pub user: RegisteredUser,
}

/// Its public fields.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredUser {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
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

/// What the Owner passes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordResetResponse {
    /// Good once, for `POST /api/users/reset-password/`. It is not shown again.
    pub token: String,
    pub expires_at: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetPasswordResponse {
    pub message: String,
}

/// A token that was handed out. Ours have 43 characters.
pub type Token = Text<1000>;

request! {
    /// Who wants in.
    pub struct LoginUserRequest {
        pub username: Text<MAX_USERNAME_CHARS>,
        pub password: Secret,
    }
}

request! {
    /// The newest refresh token of a login.
    pub struct RefreshTokenRequest {
        pub refresh_token: Token,
    }
}

request! {
    /// The token and the password that it is for.
    pub struct ResetPasswordRequest {
        pub token: Token,
        /// At least 8 characters, and not a common password.
        pub password: NewPassword,
    }
}
