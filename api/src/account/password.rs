//! `POST /api/account/password/`: changes the caller's password.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{Actor, Diff, record};
use crate::auth::login::{LoginError, check_password};
use crate::db::{api_tokens, password_resets, sessions, time_of, users};
use crate::http::body::Posted;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::{MakeErrors, Throttled};
use crate::policy::Resource;
use crate::state::App;
use crate::users::account::read_new_password;

/// The old password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChangePasswordRequest {
    pub old_password: String,
    /// At least 8 characters, and not a common password.
    pub new_password: String,
    /// Unless this is true, API tokens are deleted too.
    pub keep_api_tokens: Option<bool>,
}

/// Change the caller's password
///
/// Ends all other logins and, unless `keep_api_tokens` is true, all API tokens. A wrong old
/// password counts like a failed login. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/password/", tag = "account",
    request_body(content(
        (ChangePasswordRequest = "application/json"),
        (ChangePasswordRequest = "application/x-www-form-urlencoded"),
        (ChangePasswordRequest = "multipart/form-data"),
    )),
    responses((status = 204, description = "Changed"), MakeErrors, Throttled),
    security(("bearer" = [])),
)]
pub async fn change_password(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    client: ClientInfo,
    Posted(mut fields): Posted,
) -> Result<StatusCode, ApiError> {
    let old = fields.required_secret("old_password", usize::MAX);
    let new = read_new_password(&mut fields, "new_password");
    let keeps_tokens = fields.optional_bool("keep_api_tokens").unwrap_or(false);
    let (Some(old), Some(new), Ok(())) = (old, new, fields.finish()) else {
        return Err(ApiError::fields(fields.finish().err().unwrap_or_default()));
    };
    let (id, username) = (allowed.viewer.id, allowed.viewer.username.as_str());
    let known = users::find_login(&app.postgres, username).await?.ok_or_else(ApiError::user_not_found)?;
    match check_password(&app, &client, username, Some(known.password_hash.clone()), &old).await {
        Ok(()) => {}
        Err(LoginError::Wrong) => return Err(wrong_password()),
        Err(error) => return Err(error.into_api_error()),
    }
    let hash = app.passwords.hash(&new).await?;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    // After a concurrent change the old password is not the current one any more.
    if !users::replace_password(&mut transaction, id, &known.password_hash, &hash).await? {
        return Err(wrong_password());
    }
    password_resets::forget(&mut transaction, id).await?;
    let now = time_of(&app.clock);
    sessions::revoke_others(&mut transaction, id, allowed.credential.login(), now, "change-password").await?;
    if !keeps_tokens {
        api_tokens::revoke_all(&mut transaction, id, now).await?;
    }
    record(&mut transaction, &actor, "change-password", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wrong_password() -> ApiError {
    ApiError::field("old_password", "Your old password was entered incorrectly. Please enter it again.")
}
