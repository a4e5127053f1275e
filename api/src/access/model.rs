//! Responses about logins, API tokens and settings.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::access::{LoginRow, TokenRow};
use crate::http::json_values;

/// An active login of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserSessionResponse {
    pub id: Uuid,
    pub user_id: i64,
    /// `browser` or `api`.
    pub kind: String,
    pub created_at: String,
    /// To the minute for a browser; the last exchange of the refresh token for a program.
    pub last_seen_at: String,
    pub expires_at: String,
    pub address: String,
    pub agent: String,
}

/// A valid API token of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserTokenResponse {
    pub id: i64,
    pub user_id: i64,
    pub name: String,
    /// The first characters of the token.
    pub hint: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub expires_at: String,
    /// To the minute.
    pub last_used_at: Option<String>,
}

/// A key of the configuration of this service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SettingResponse {
    /// As in the file: section and key.
    pub key: String,
    /// Secrets are not shown.
    pub value: String,
    /// The value without configuration.
    pub default: String,
    pub is_default: bool,
}

impl From<LoginRow> for UserSessionResponse {
    fn from(row: LoginRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            kind: row.kind,
            created_at: json_values::time(row.created_at.timestamp_millis()),
            last_seen_at: json_values::time(row.last_seen_at.timestamp_millis()),
            expires_at: json_values::time(row.expires_at.timestamp_millis()),
            address: row.address,
            agent: row.agent,
        }
    }
}

impl From<TokenRow> for UserTokenResponse {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            created_at: json_values::time(row.created_at.timestamp_millis()),
            expires_at: json_values::time(row.expires_at.timestamp_millis()),
            last_used_at: row.last_used_at.map(|time| json_values::time(time.timestamp_millis())),
        }
    }
}
