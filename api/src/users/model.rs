//! Requests and responses of logins, tokens and registration; `people/model.rs` has those of
//! people.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::login::MAX_USERNAME_CHARS;
use crate::http::auth::token::Pair;
use crate::http::fields::types::{OptionalText, Secret, Text};
use crate::http::request::request;
use crate::people::rules::NewPassword;
use crate::policy::Position;

/// Maximum characters of a code.
const MAX_CODE_CHARS: usize = 100;

/// The new account.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisterUserResponse {
    pub message: String,
    pub user: RegisteredUser,
}

/// Fields of the new account.
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
    /// Token for the `Authorization: Bearer` header.
    pub access_token: String,
    /// Token for one exchange at `/api/users/refresh/`.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

impl TokensResponse {
    /// Makes the response, with a message as in the legacy CRM.
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

/// The one-time token, for the Owner to pass on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordResetResponse {
    /// Token for one use at `POST /api/users/reset-password/`. It is not shown again.
    pub token: String,
    pub expires_at: String,
}

/// Confirmation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetPasswordResponse {
    pub message: String,
}

/// A refresh token or one-time token. Issued tokens have 43 characters.
pub type Token = Text<1000>;

request! {
    /// Credentials of a user.
    pub struct LoginUserRequest {
        pub username: Text<MAX_USERNAME_CHARS>,
        pub password: Secret,
        /// A code of the authenticator app, or a recovery code, if the account has a second factor.
        pub code: OptionalText<MAX_CODE_CHARS>,
    }
}

request! {
    /// The newest refresh token of a login.
    pub struct RefreshTokenRequest {
        pub refresh_token: Token,
    }
}

request! {
    /// A one-time token and the new password.
    pub struct ResetPasswordRequest {
        pub token: Token,
        /// At least 8 characters, and not easy to guess.
        pub password: NewPassword,
    }
}
