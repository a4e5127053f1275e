//! Password reset by a one-time token. An Owner makes the token and passes it on, and whoever has
//! it can set the password. No mail is sent. Only the hash of the token is stored. It expires, and
//! the next token, a deactivation or a new password ends it.

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;

use crate::db::audit::{Actor, Diff, record};
use crate::db::users::Visible;
use crate::db::{password_resets, time_of, users};
use crate::http::auth::token::read_secret;
use crate::http::auth::{hash_secret, random_secret};
use crate::http::call::Call;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::{Malformed, RemoveErrors, Throttled, Unavailable};
use crate::http::request::Body;
use crate::http::state::App;
use crate::people::change::end_access;
use crate::policy::Resource;
use crate::users::model::{PasswordResetResponse, ResetPasswordRequest, ResetPasswordResponse};

/// Time until a token expires.
const LIFE: TimeDelta = TimeDelta::hours(24);
/// Create a one-time token for a new password
///
/// The token is valid for 24 hours and one use, and ends the previous one. 403 with an API token.
#[utoipa::path(
    post, path = "/api/users/{id}/reset-password/", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, description = "The token, which is shown only once", body = PasswordResetResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn create_password_reset(
    State(app): State<App>,
    call: Call,
) -> Result<Json<PasswordResetResponse>, ApiError> {
    let visible = Visible::of(&call.allowed.viewer, call.allowed.grant.scope);
    let mut transaction = call.allowed.begin_locking_user(&app, call.id).await?;
    let row = users::find(&mut *transaction, call.id, visible).await?;
    call.check_version(row.ok_or_else(ApiError::not_found)?.version)?;
    let (token, now) = (random_secret(), time_of(&app.clock));
    let expires_at = now + LIFE;
    password_resets::set(&mut transaction, call.id, &hash_secret(&token), now, expires_at).await?;
    record(&mut transaction, &call.actor, "request-reset", Resource::Users, call.id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(Json(PasswordResetResponse {
        token: URL_SAFE_NO_PAD.encode(token),
        expires_at: crate::http::json_values::time(expires_at.timestamp_millis()),
    }))
}

/// Set a password with a one-time token
///
/// Ends all logins and API tokens of the account at once. Wrong tokens count towards the limit of
/// the address.
#[utoipa::path(
    post, path = "/api/users/reset-password/", tag = "users",
    request_body = ResetPasswordRequest,
    responses((status = 200, description = "The password is set", body = ResetPasswordResponse), Malformed, Throttled, Unavailable),
    security(()),
)]
pub async fn reset_password(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    body: Body<ResetPasswordRequest>,
) -> Result<Json<ResetPasswordResponse>, ApiError> {
    let address = client.limit_key();
    if let Some(wait_s) = app.limits.address.wait_s(&address) {
        return Err(ApiError::throttled(wait_s));
    }
    let Body { request: ResetPasswordRequest { token, password }, mut errors } = body;
    errors.finish()?;
    let hash = read_secret(&token).map(|token| hash_secret(&token));
    let now = time_of(&app.clock);
    let wrong = || {
        app.limits.address.count(&address);
        ApiError::field("token", "This token is not valid, has expired or was used before.")
    };
    let Some(hash) = hash else { return Err(wrong()) };
    // Found before hashing, so that wrong tokens do not cost the work of a hash.
    let Some(user) = password_resets::find_user(&app.postgres, &hash, now).await? else {
        return Err(wrong());
    };
    app.passwords.check_strength(&mut errors, "password", &password.0, &user.about()).await?;
    errors.finish()?;
    let password_hash = app.passwords.hash(&password.0).await?;
    let mut transaction = app.postgres.begin().await?;
    let taken = password_resets::redeem(&mut transaction, &hash, now).await?;
    let Some((id, username)) = taken else { return Err(wrong()) };
    users::lock_exclusive(&mut transaction, &[id]).await?;
    users::set_password(&mut transaction, id, &password_hash).await?;
    end_access(&mut transaction, id, now, "reset-password").await?;
    let actor = actor.known_as(id, &username);
    record(&mut transaction, &actor, "reset-password", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    let account = users::username_key(&username);
    app.limits.account.forget(&account);
    app.limits.guesses.forget_ending(&format!(" {account}"));
    let message = "Password set successfully.".to_owned();
    Ok(Json(ResetPasswordResponse { message }))
}
