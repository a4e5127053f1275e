//! `/api/account/second-factor/`: turns the caller's second factor on and off, and renews the
//! recovery codes. The secret is shown until its first code is entered, the recovery codes once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};

use crate::account::model::{
    BeginSecondFactorRequest, BeginSecondFactorResponse, ConfirmSecondFactorRequest,
    ProveSecondFactorRequest, RecoveryCodesResponse, SecondFactorResponse,
};
use crate::db::audit::{Diff, record};
use crate::db::second_factors::{self, SecondFactorRow};
use crate::db::{sessions, time_of, users};
use crate::http::allowed::Allowed;
use crate::http::auth::login::{Guesses, LoginError, WRONG_CODE};
use crate::http::auth::second_factor::{Accepted, CodeError, use_app_code};
use crate::http::auth::{recovery, totp};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{Conflict, DetailErrors, MakeErrors, Throttled};
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Time to enter the first code.
const PENDING_LIFE: TimeDelta = TimeDelta::minutes(15);

const ALREADY_ON: &str = "The second factor is on already. Turn it off first.";
const NOT_ON: &str = "The second factor is off.";

/// Get the state of the caller's second factor
#[utoipa::path(
    get, path = "/api/account/second-factor/", tag = "account",
    responses((status = 200, description = "The state", body = SecondFactorResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_second_factor(
    State(app): State<App>,
    allowed: Allowed,
) -> Result<Json<SecondFactorResponse>, ApiError> {
    let id = allowed.viewer.id;
    let known = users::find_login(&app.postgres, &allowed.viewer.username).await?;
    let is_on = known.ok_or_else(ApiError::user_not_found)?.has_second_factor;
    let recovery_codes_left =
        if is_on { second_factors::n_recovery_codes(&app.postgres, id).await? } else { 0 };
    Ok(Json(SecondFactorResponse { is_on, recovery_codes_left }))
}

/// Make a secret for an authenticator app
///
/// Logins need no code until a code of this secret is confirmed, within 15 minutes. A new secret
/// replaces one that was not confirmed. 409 if the second factor is on. API tokens are not
/// accepted.
#[utoipa::path(
    post, path = "/api/account/second-factor/begin/", tag = "account",
    request_body = BeginSecondFactorRequest,
    responses(
        (status = 200, description = "The secret, for the app", body = BeginSecondFactorResponse),
        MakeErrors, Conflict, Throttled,
    ),
    security(("bearer" = [])),
)]
pub async fn begin_second_factor(
    State(app): State<App>,
    call: Call<()>,
    body: Body<BeginSecondFactorRequest>,
) -> Result<Json<BeginSecondFactorResponse>, ApiError> {
    let Call { allowed, actor, .. } = call;
    let request = body.checked()?;
    if prove_password(&app, &allowed, &request.password).await? {
        return Err(ApiError::conflict(ALREADY_ON));
    }
    let (id, now) = (allowed.viewer.id, time_of(&app.clock));
    let secret = totp::new_secret();
    let sealed = app.sealer.seal(id, &secret)?;
    let mut transaction = allowed.begin_locking_user(&app, id).await?;
    // Read under the lock: another request may have turned it on meanwhile.
    if users::has_second_factor(&mut transaction, id).await? {
        return Err(ApiError::conflict(ALREADY_ON));
    }
    second_factors::begin(&mut transaction, id, &sealed, now).await?;
    record(&mut transaction, &actor, "begin-second-factor", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(Json(begun(&secret, &allowed.viewer.username)))
}

/// Turn the second factor on
///
/// Takes a code of the secret that was made last. From then on, logins need a code. All other
/// logins of the caller end. The recovery codes are shown only here. 409 if there is no secret that
/// waits for its first code. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/second-factor/confirm/", tag = "account",
    request_body = ConfirmSecondFactorRequest,
    responses(
        (status = 200, description = "On, with the recovery codes", body = RecoveryCodesResponse),
        MakeErrors, Conflict, Throttled,
    ),
    security(("bearer" = [])),
)]
pub async fn confirm_second_factor(
    State(app): State<App>,
    call: Call<()>,
    body: Body<ConfirmSecondFactorRequest>,
) -> Result<Json<RecoveryCodesResponse>, ApiError> {
    let Call { allowed, actor, .. } = call;
    let request = body.checked()?;
    let (id, now) = (allowed.viewer.id, time_of(&app.clock));
    pending(&app, id, now).await?;
    // Counted by the secret, not by the account: nobody gains a login by guessing it.
    let step = match use_app_code(&app, id, &request.code).await {
        Ok(step) => step,
        Err(CodeError::Wrong) => return Err(wrong_code()),
        Err(CodeError::Limited(wait_s)) => return Err(ApiError::throttled(wait_s)),
        Err(CodeError::Failed(error)) => return Err(error),
    };
    let (codes, hashes) = new_recovery_codes(id)?;
    let mut transaction = allowed.begin_locking_user(&app, id).await?;
    if !second_factors::turn_on(&mut transaction, id, step).await? {
        return Err(nothing_pending());
    }
    second_factors::set_recovery_codes(&mut transaction, id, &hashes).await?;
    // They began without a code.
    sessions::revoke_others(&mut transaction, id, allowed.credential.login(), now, "enable-second-factor")
        .await?;
    record(&mut transaction, &actor, "enable-second-factor", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(Json(RecoveryCodesResponse { recovery_codes: codes }))
}

/// Turn the second factor off
///
/// Needs the password and a code, or a recovery code. A wrong one counts like a failed login. 409
/// if it is off. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/second-factor/disable/", tag = "account",
    request_body = ProveSecondFactorRequest,
    responses((status = 204, description = "Off"), MakeErrors, Conflict, Throttled),
    security(("bearer" = [])),
)]
pub async fn disable_second_factor(
    State(app): State<App>,
    call: Call<()>,
    body: Body<ProveSecondFactorRequest>,
) -> Result<StatusCode, ApiError> {
    let Call { allowed, actor, .. } = call;
    let accepted = prove(&app, &allowed, body).await?;
    let id = allowed.viewer.id;
    let mut transaction = allowed.begin_locking_user(&app, id).await?;
    if !second_factors::turn_off(&mut transaction, id).await? {
        return Err(ApiError::conflict(NOT_ON));
    }
    let diff = proof(accepted);
    record(&mut transaction, &actor, "disable-second-factor", Resource::Users, id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make new recovery codes
///
/// The previous ones end. Needs the password and a code, or a recovery code. A wrong one counts
/// like a failed login. 409 if the second factor is off. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/second-factor/recovery-codes/", tag = "account",
    request_body = ProveSecondFactorRequest,
    responses(
        (status = 200, description = "The codes, which are shown only here", body = RecoveryCodesResponse),
        MakeErrors, Conflict, Throttled,
    ),
    security(("bearer" = [])),
)]
pub async fn renew_recovery_codes(
    State(app): State<App>,
    call: Call<()>,
    body: Body<ProveSecondFactorRequest>,
) -> Result<Json<RecoveryCodesResponse>, ApiError> {
    let Call { allowed, actor, .. } = call;
    let accepted = prove(&app, &allowed, body).await?;
    let id = allowed.viewer.id;
    let (codes, hashes) = new_recovery_codes(id)?;
    let mut transaction = allowed.begin_locking_user(&app, id).await?;
    if !users::has_second_factor(&mut transaction, id).await? {
        return Err(ApiError::conflict(NOT_ON));
    }
    second_factors::set_recovery_codes(&mut transaction, id, &hashes).await?;
    let diff = proof(accepted);
    record(&mut transaction, &actor, "renew-recovery-codes", Resource::Users, id, diff).await?;
    transaction.commit().await?;
    Ok(Json(RecoveryCodesResponse { recovery_codes: codes }))
}

/// Returns the secret that waits for its first code, for the page that shows it.
///
/// # Errors
/// 409 if there is none, or it has waited too long.
pub async fn pending_secret(app: &App, allowed: &Allowed) -> Result<BeginSecondFactorResponse, ApiError> {
    let row = pending(app, allowed.viewer.id, time_of(&app.clock)).await?;
    let secret = app.sealer.open(allowed.viewer.id, &row.sealed_secret).ok_or_else(nothing_pending)?;
    Ok(begun(&secret, &allowed.viewer.username))
}

fn begun(secret: &[u8], username: &str) -> BeginSecondFactorResponse {
    BeginSecondFactorResponse { secret: totp::shown(secret), otpauth_uri: totp::uri(secret, username) }
}

async fn pending(app: &App, id: i64, now: DateTime<Utc>) -> Result<SecondFactorRow, ApiError> {
    let mut connection = app.postgres.acquire().await?;
    if users::has_second_factor(&mut connection, id).await? {
        return Err(ApiError::conflict(ALREADY_ON));
    }
    let row = second_factors::find(&mut *connection, id).await?;
    row.filter(|row| now - row.created_at < PENDING_LIFE).ok_or_else(nothing_pending)
}

fn nothing_pending() -> ApiError {
    ApiError::conflict("No secret waits for its first code, or it has expired. Begin again.")
}

/// Checks the caller's password. Returns whether their second factor is on.
async fn prove_password(app: &App, allowed: &Allowed, password: &str) -> Result<bool, ApiError> {
    let username = allowed.viewer.username.as_str();
    let known = users::find_login(&app.postgres, username).await?.ok_or_else(ApiError::user_not_found)?;
    let guesses = Guesses::of_login(app, allowed.credential);
    match guesses.try_password(password, Some(known.password_hash)).await {
        Ok(()) => Ok(known.has_second_factor),
        Err(LoginError::Wrong) => {
            let message = "Your password was entered incorrectly. Please enter it again.";
            Err(ApiError::field("password", message))
        }
        Err(error) => Err(error.into_api_error()),
    }
}

/// Checks the caller's password and code, and uses up the code.
async fn prove(
    app: &App,
    allowed: &Allowed,
    body: Body<ProveSecondFactorRequest>,
) -> Result<Accepted, ApiError> {
    let request = body.checked()?;
    if !prove_password(app, allowed, &request.password).await? {
        return Err(ApiError::conflict(NOT_ON));
    }
    let guesses = Guesses::of_login(app, allowed.credential);
    match guesses.try_code(allowed.viewer.id, &request.code).await {
        Ok(accepted) => {
            guesses.forget();
            Ok(accepted)
        }
        Err(LoginError::WrongCode) => Err(wrong_code()),
        Err(error) => Err(error.into_api_error()),
    }
}

fn wrong_code() -> ApiError {
    ApiError::field("code", WRONG_CODE)
}

fn proof(accepted: Accepted) -> Diff {
    Diff::noted(serde_json::json!({"second_factor": accepted.as_str()}))
}

fn new_recovery_codes(id: i64) -> Result<(Vec<String>, Vec<Vec<u8>>), ApiError> {
    let codes = recovery::generate();
    let hashes: Option<Vec<Vec<u8>>> =
        codes.iter().map(|code| recovery::hash(id, code).map(|hash| hash.to_vec())).collect();
    Ok((codes, hashes.ok_or_else(|| ApiError::bug("a recovery code that cannot be read back"))?))
}
