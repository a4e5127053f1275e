//! `POST /api/account/password/`: changes the caller's password.

use axum::extract::State;
use axum::http::StatusCode;

use crate::account::model::ChangePasswordRequest;
use crate::db::audit::{Diff, record};
use crate::db::{api_tokens, password_resets, sessions, time_of, users};
use crate::http::auth::login::{Guesses, LoginError};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{MakeErrors, Throttled};
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Change the caller's password
///
/// Ends all other logins and, unless `keep_api_tokens` is true, all API tokens. Wrong old passwords
/// are limited for each login. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/password/", tag = "account",
    request_body = ChangePasswordRequest,
    responses((status = 204, description = "Changed"), MakeErrors, Throttled),
    security(("bearer" = [])),
)]
pub async fn change_password(
    State(app): State<App>,
    call: Call<()>,
    mut body: Body<ChangePasswordRequest>,
) -> Result<StatusCode, ApiError> {
    let Call { allowed, actor, .. } = call;
    let about_user = allowed.viewer.about_user();
    let new = &body.request.new_password.0;
    app.passwords.check_strength(&mut body.errors, "new_password", new, &about_user).await?;
    let request = body.checked()?;
    let (id, username) = (allowed.viewer.id, allowed.viewer.username.as_str());
    let known = users::find_login(&app.postgres, username).await?.ok_or_else(ApiError::user_not_found)?;
    let guesses = Guesses::of_login(&app, allowed.credential);
    match guesses.try_password(&request.old_password, Some(known.password_hash.clone())).await {
        Ok(()) => guesses.forget(),
        Err(LoginError::Wrong) => return Err(wrong_password()),
        Err(error) => return Err(error.into_api_error()),
    }
    let hash = app.passwords.hash(&request.new_password.0).await?;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    // After a concurrent change the old password is not the current one any more.
    if !users::replace_password(&mut transaction, id, &known.password_hash, &hash).await? {
        return Err(wrong_password());
    }
    password_resets::forget(&mut transaction, id).await?;
    let now = time_of(&app.clock);
    sessions::revoke_others(&mut transaction, id, allowed.credential.login(), now, "change-password").await?;
    if !request.keep_api_tokens.unwrap_or(false) {
        api_tokens::revoke_all(&mut transaction, id, now).await?;
    }
    record(&mut transaction, &actor, "change-password", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wrong_password() -> ApiError {
    ApiError::field("old_password", "Your old password was entered incorrectly. Please enter it again.")
}
