//! A login by username and password, the same for programs and pages: limited by account and by address, and as slow for
//! an account that does not exist as for a wrong password.

use crate::client::ClientInfo;
use crate::db::users::{self, LoginRow, username_key};
use crate::error::ApiError;
use crate::metrics::LoginOutcome;
use crate::state::App;

/// Why nobody was logged in.
#[derive(Debug)]
pub enum LoginError {
    /// Wrong password, no such account, or one that is not active.
    Wrong,
    /// Too many were wrong; try again after so many seconds.
    Limited(u64),
    /// Something else failed.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for LoginError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Checks a username and password and notes the login.
///
/// # Errors
/// [`LoginError`].
pub async fn log_in(
    app: &App,
    client: &ClientInfo,
    username: &str,
    password: &str,
) -> Result<LoginRow, LoginError> {
    let (account, address) = (username_key(username), client.limit_key());
    check_limits(app, &account, &address)?;
    let found = users::find_login(&app.postgres, username).await?;
    let hash = found.as_ref().map(|row| row.password_hash.clone());
    let is_right = app.passwords.verify(password, hash).await?;
    if let Some(row) = found.filter(|row| is_right && row.is_active) {
        app.limits.account.forget(&account);
        app.metrics.login(LoginOutcome::Success);
        users::touch_last_login(&app.postgres, row.id, crate::db::time_of(&app.clock)).await?;
        return Ok(row);
    }
    // Asked again: many that were sent at once all passed the first check.
    check_limits(app, &account, &address)?;
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
