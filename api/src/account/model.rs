//! Requests and responses of one's own logins, password, second factor and API tokens.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use uuid::Uuid;

use crate::db::api_tokens::ApiTokenRow;
use crate::db::sessions::LoginRow;
use crate::http::auth::api_token::SCOPES;
use crate::http::fields::Fields;
use crate::http::fields::types::{Secret, Text, WholeNumber, text};
use crate::http::json_values;
use crate::http::request::{Field, request};
use crate::people::rules::NewPassword;

/// An active login.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionResponse {
    pub id: Uuid,
    /// `browser` or `api`.
    pub kind: String,
    pub created_at: String,
    /// To the minute for a browser; the last exchange of the refresh token for a program.
    pub last_seen_at: String,
    pub expires_at: String,
    pub address: String,
    pub agent: String,
    /// Whether this request uses this login.
    pub is_current: bool,
}

impl SessionResponse {
    pub(super) fn new(row: LoginRow, current: Option<Uuid>) -> Self {
        Self {
            is_current: Some(row.id) == current,
            id: row.id,
            kind: row.kind,
            created_at: json_values::time(row.created_at.timestamp_millis()),
            last_seen_at: json_values::time(row.last_seen_at.timestamp_millis()),
            expires_at: json_values::time(row.expires_at.timestamp_millis()),
            address: row.address,
            agent: row.agent,
        }
    }
}

/// The number of ended logins.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevokeOthersResponse {
    pub revoked: u64,
}

/// The state of a second factor.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorResponse {
    /// Whether logins need a code.
    pub is_on: bool,
    pub recovery_codes_left: i64,
}

/// A secret that waits for its first code.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BeginSecondFactorResponse {
    /// For apps that cannot read a QR code.
    pub secret: String,
    /// The content of a QR code.
    pub otpauth_uri: String,
}

/// Codes for people who lost their app. Each works once.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecoveryCodesResponse {
    pub recovery_codes: Vec<String>,
}

/// A token in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    pub id: i64,
    pub name: String,
    /// The first characters of the token.
    pub hint: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub expires_at: String,
    /// To the minute.
    pub last_used_at: Option<String>,
}

impl From<ApiTokenRow> for TokenResponse {
    fn from(row: ApiTokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            created_at: json_values::time(row.created_at.timestamp_millis()),
            expires_at: json_values::time(row.expires_at.timestamp_millis()),
            last_used_at: row.last_used_at.map(|time| json_values::time(time.timestamp_millis())),
        }
    }
}

/// A created token.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateTokenResponse {
    #[serde(flatten)]
    pub described: TokenResponse,
    /// For the header `Authorization: Bearer`. It is not shown again.
    pub token: String,
}

request! {
    /// The old password and the new one.
    pub struct ChangePasswordRequest {
        pub old_password: Secret,
        /// At least 8 characters, and not easy to guess.
        pub new_password: NewPassword,
        /// Unless this is true, API tokens are deleted too.
        pub keep_api_tokens: Option<bool>,
    }
}

/// A code of an authenticator app, or a recovery code.
pub type Code = Text<100>;

request! {
    /// The caller's password.
    pub struct BeginSecondFactorRequest {
        pub password: Secret,
    }
}

request! {
    /// The first code.
    pub struct ConfirmSecondFactorRequest {
        /// The six digits that the app shows.
        pub code: Code,
    }
}

request! {
    /// The caller's password and a code.
    pub struct ProveSecondFactorRequest {
        pub password: Secret,
        /// The six digits that the app shows, or a recovery code.
        pub code: Code,
    }
}

request! {
    /// A token to create.
    pub struct CreateTokenRequest {
        /// The purpose of the token.
        pub name: Text<100>,
        /// `read` (the default) permits reading, `write` also permits changes. In a form, separate
        /// them by commas.
        pub scopes: Scopes,
        /// 1 to 366, by default 90.
        pub expires_in_days: WholeNumber<1, 366, 90>,
    }
}

/// The permissions of a token. The default is to read.
#[derive(Debug, Clone)]
pub struct Scopes(pub Vec<String>);

impl Field for Scopes {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.words(name, &SCOPES).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(text().enum_values(Some(SCOPES))).into()
    }
}

impl Default for Scopes {
    fn default() -> Self {
        Self(vec![SCOPES[0].to_owned()])
    }
}
