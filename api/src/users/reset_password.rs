//! A new password by a one-time token: an Owner makes it and passes it on, whoever has it sets the password. No mail is
//! sent. Only the hash is kept; it expires, and the next one, a deactivation or a change of password ends it.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::{Actor, Diff, record};
use crate::auth::token::read_secret;
use crate::auth::{hash_secret, random_secret};
use crate::db::users::Visible;
use crate::db::{password_resets, time_of, users};
use crate::http::body::Posted;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::{Malformed, RemoveErrors, Throttled, Unavailable};
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;
use crate::users::account::read_new_password;
use crate::users::change::end_access;

/// How long a token is good for.
const LIFE: TimeDelta = TimeDelta::hours(24);
/// The longest text that could be a token; ours have 43 characters.
const MAX_TOKEN_CHARS: usize = 1000;

/// What the Owner passes on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordResetResponse {
    /// Good once, for `POST /api/users/reset-password/`. It is not shown again.
    pub token: String,
    pub expires_at: String,
}

/// The token and the password that it is for.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ResetPasswordRequest {
    pub token: String,
    /// At least 8 characters, and none of the commonest.
    pub password: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResetPasswordResponse {
    pub message: String,
}

/// Make a one-time token for a new password
///
/// Good for 24 hours and one use; the one before it is good for nothing any more. Not with an API token.
#[utoipa::path(
    post, path = "/api/users/{id}/reset-password/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "Made; the token is shown this once", body = PasswordResetResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn create_password_reset(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    headers: HeaderMap,
    PathId(id): PathId,
) -> Result<Json<PasswordResetResponse>, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let mut transaction = allowed.begin_locking_user(&app, id).await?;
    let row = users::find(&mut *transaction, id, visible).await?;
    check_version(&headers, row.ok_or_else(ApiError::not_found)?.version)?;
    let (token, now) = (random_secret(), time_of(&app.clock));
    let expires_at = now + LIFE;
    password_resets::set(&mut transaction, id, &hash_secret(&token), now, expires_at).await?;
    record(&mut transaction, &actor, "request-reset", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(Json(PasswordResetResponse {
        token: URL_SAFE_NO_PAD.encode(token),
        expires_at: crate::http::json_values::time(expires_at.timestamp_millis()),
    }))
}

/// Set a password with a one-time token
///
/// Ends all logins and API tokens of the account at once. Wrong tokens count against the address.
#[utoipa::path(
    post, path = "/api/users/reset-password/", tag = "users",
    request_body(content(
        (ResetPasswordRequest = "application/json"),
        (ResetPasswordRequest = "application/x-www-form-urlencoded"),
        (ResetPasswordRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Set", body = ResetPasswordResponse), Malformed, Throttled, Unavailable),
    security(()),
)]
pub async fn reset_password(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Json<ResetPasswordResponse>, ApiError> {
    let address = client.limit_key();
    if let Some(wait_s) = app.limits.address.wait_s(&address) {
        return Err(ApiError::throttled(wait_s));
    }
    let token = fields.required_text("token", MAX_TOKEN_CHARS);
    let password = read_new_password(&mut fields, "password");
    let (Some(token), Some(password)) = (token, password) else {
        return Err(ApiError::fields(fields.finish().err().unwrap_or_default()));
    };
    let hash = read_secret(&token).map(|token| hash_secret(&token));
    let now = time_of(&app.clock);
    let wrong = || {
        app.limits.address.count(&address);
        ApiError::field("token", "This token is not valid, has expired or was used before.")
    };
    let Some(hash) = hash else { return Err(wrong()) };
    // Asked first, so that only who has a token costs the work of hashing.
    if !password_resets::exists(&app.postgres, &hash, now).await? {
        return Err(wrong());
    }
    let password_hash = app.passwords.hash(&password).await?;
    let mut transaction = app.postgres.begin().await?;
    let taken = password_resets::redeem(&mut transaction, &hash, now).await?;
    let Some((id, username)) = taken else { return Err(wrong()) };
    users::lock_exclusive(&mut transaction, &[id]).await?;
    users::set_password(&mut transaction, id, &password_hash).await?;
    end_access(&mut transaction, id, now, "reset-password").await?;
    let actor = actor.known_as(id, &username);
    record(&mut transaction, &actor, "reset-password", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    app.limits.account.forget(&users::username_key(&username));
    let message = "Password set successfully.".to_owned();
    Ok(Json(ResetPasswordResponse { message }))
}
