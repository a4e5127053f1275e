//! Logins by username and password, for programs and pages. Failures are limited by account and by
//! address. An unknown account takes as long as a wrong password.

use serde_json::json;

use crate::db::audit::{self, Actor, Diff, record};
use crate::db::users::{self, LoginRow, username_key};
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::metrics::LoginOutcome;
use crate::policy::Resource;

/// Maximum characters of a username.
pub const MAX_USERNAME_CHARS: usize = 150;

/// The reason of a failed login.
#[derive(Debug)]
pub enum LoginError {
    /// The password is wrong, or the account is unknown or not active.
    Wrong,
    /// There were too many failures. Try again after this number of seconds.
    Limited(u64),
    /// Another error.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for LoginError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl LoginError {
    /// Converts the error for the API.
    #[must_use]
    pub fn into_api_error(self) -> ApiError {
        match self {
            Self::Wrong => ApiError::wrong_credentials(),
            Self::Limited(wait_s) => ApiError::throttled(wait_s),
            Self::Failed(error) => error,
        }
    }
}

/// Checks a username and password, and records the login or the failure.
pub async fn log_in(
    app: &App,
    client: &ClientInfo,
    actor: &Actor,
    username: &str,
    password: &str,
) -> Result<LoginRow, LoginError> {
    let found = users::find_login(&app.postgres, username).await?;
    // An inactive account is treated like an unknown one.
    let hash = found.as_ref().filter(|row| row.is_active).map(|row| row.password_hash.clone());
    let checked = check_password(app, client, username, hash, password).await;
    match (checked, found) {
        (Ok(()), Some(row)) => {
            app.metrics.login(LoginOutcome::Success);
            record_login(app, &actor.known_as(row.id, &row.username), row.id).await?;
            Ok(row)
        }
        (Err(LoginError::Wrong), found) => {
            record_failure(app, actor, found.as_ref()).await?;
            Err(LoginError::Wrong)
        }
        (Ok(()), None) => Err(LoginError::Wrong),
        (Err(error), _) => Err(error),
    }
}

async fn record_login(app: &App, actor: &Actor, id: i64) -> Result<(), ApiError> {
    let mut transaction = app.postgres.begin().await?;
    users::touch_last_login(&mut *transaction, id, crate::db::time_of(&app.clock)).await?;
    record(&mut transaction, actor, "login", Resource::Users, id, Diff::default()).await?;
    Ok(transaction.commit().await?)
}

/// Writes a line of the audit trail for a known account. An unknown account takes the same work,
/// which is rolled back, so that the time does not tell which accounts exist. Neither waits for the
/// disk, because a line that a crash of Postgres loses belongs to no change.
async fn record_failure(app: &App, actor: &Actor, found: Option<&LoginRow>) -> Result<(), ApiError> {
    let (id, username) = found.map_or((0, ""), |row| (row.id, row.username.as_str()));
    let mut transaction = app.postgres.begin().await?;
    audit::commit_without_sync(&mut transaction).await?;
    let facts = Diff::noted(json!({"username": username}));
    record(&mut transaction, actor, "login-failed", Resource::Users, id, facts).await?;
    if found.is_some() {
        transaction.commit().await?
    } else {
        transaction.rollback().await?
    }
    Ok(())
}

/// Checks the password of an account, and counts a failure for the account and the address. Without
/// a hash the check fails, but takes as long.
pub async fn check_password(
    app: &App,
    client: &ClientInfo,
    username: &str,
    hash: Option<String>,
    password: &str,
) -> Result<(), LoginError> {
    // No account has a longer name. Longer ones share a key, so that they do not fill the memory.
    let is_possible = username.chars().count() <= MAX_USERNAME_CHARS;
    let account = if is_possible { username_key(username) } else { String::new() };
    let address = client.limit_key();
    check_limits(app, &account, &address)?;
    let is_right = app.passwords.verify(password, hash).await?;
    // Checked again, even for a right password: concurrent attempts all passed the first check.
    check_limits(app, &account, &address)?;
    if is_right {
        app.limits.account.forget(&account);
        return Ok(());
    }
    app.limits.account.count(&account);
    app.limits.address.count(&address);
    app.metrics.login(LoginOutcome::Wrong);
    Err(LoginError::Wrong)
}

fn check_limits(app: &App, account: &str, address: &str) -> Result<(), LoginError> {
    let wait_s = app.limits.account.wait_s(account).or_else(|| app.limits.address.wait_s(address));
    match wait_s {
        None => Ok(()),
        Some(wait_s) => {
            app.metrics.login(LoginOutcome::Limited);
            Err(LoginError::Limited(wait_s))
        }
    }
}
