//! Logins by username, password and the code of a second factor, for programs and pages. An unknown
//! account takes as long as a wrong password. Only somebody who knows the password learns whether
//! the account has a second factor.
//!
//! Failures are limited for each account and address together, so that strangers cannot lock a
//! person out. All strangers together have a limit for each account too, against guesses from many
//! addresses. It does not hold for addresses from which the person has logged in.

use serde_json::json;

use crate::db::audit::{self, Actor, Diff, record};
use crate::db::sessions;
use crate::db::users::{self, LoginRow, username_key};
use crate::http::auth::login_ticket;
use crate::http::auth::second_factor::{self, Accepted, CodeError};
use crate::http::client_address::{ClientInfo, limit_key};
use crate::http::error::ApiError;
use crate::http::security_log;
use crate::http::state::App;
use crate::metrics::LoginOutcome;
use crate::policy::Resource;
use crate::viewer::Credential;

/// Maximum characters of a username.
pub const MAX_USERNAME_CHARS: usize = 150;

/// The reason of a failed login.
#[derive(Debug)]
pub enum LoginError {
    /// The password is wrong, or the account is unknown or not active.
    Wrong,
    /// The password is right, and the account also needs a code, which was not sent.
    CodeNeeded(Box<LoginRow>),
    /// The code of the second factor is wrong, or was used before.
    WrongCode,
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
            Self::CodeNeeded(_) => ApiError::field("code", CODE_NEEDED).in_account_shape(),
            Self::WrongCode => ApiError::field("code", WRONG_CODE).in_account_shape(),
            Self::Limited(wait_s) => ApiError::throttled(wait_s),
            Self::Failed(error) => error,
        }
    }
}

/// The message when a login needs a code.
pub const CODE_NEEDED: &str = "Enter the code of your authenticator app.";
/// The message for a wrong code.
pub const WRONG_CODE: &str = "This code is wrong or was used before. Enter the newest code.";

/// The credentials that a person or a program sends.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    pub username: &'a str,
    pub password: &'a str,
    /// The code of the second factor, or a recovery code; empty if none was sent.
    pub code: &'a str,
}

/// The second step of a login in a browser.
#[derive(Clone, Copy)]
pub struct SecondStep<'a> {
    pub username: &'a str,
    /// Proves that the password was right a moment ago, in this browser.
    pub ticket: &'a str,
    pub code: &'a str,
}

/// Checks a username, a password and a code, and records the login or the failure.
pub async fn log_in(
    app: &App,
    client: &ClientInfo,
    actor: &Actor,
    attempt: Attempt<'_>,
) -> Result<LoginRow, LoginError> {
    let found = users::find_login(&app.postgres, attempt.username).await?;
    // An inactive account is treated like an unknown one.
    let hash = found.as_ref().filter(|row| row.is_active).map(|row| row.password_hash.clone());
    let guesses = Guesses::of_account(app, client, attempt.username);
    match (guesses.try_password(attempt.password, hash).await, found) {
        (Ok(()), Some(row)) => complete(app, &guesses, actor, row, attempt.code).await,
        (Err(LoginError::Wrong), found) => {
            let id = found.as_ref().map_or(0, |row| row.id);
            security_log::login_failed(app, actor, id, &username_key(attempt.username), "password");
            record_failure(app, actor, found.as_ref(), "password").await?;
            Err(LoginError::Wrong)
        }
        (Ok(()), None) => Err(LoginError::Wrong),
        (Err(error), _) => Err(error),
    }
}

/// Completes the login of a person whose password was right a moment ago, as their ticket proves.
///
/// # Errors
/// [`LoginError::Wrong`] if the ticket has expired or is not valid.
pub async fn log_in_with_ticket(
    app: &App,
    client: &ClientInfo,
    actor: &Actor,
    browser: &[u8; 32],
    step: SecondStep<'_>,
) -> Result<LoginRow, LoginError> {
    let found = users::find_login(&app.postgres, step.username).await?.filter(|row| row.is_active);
    let (secret, now_ms) = (app.config.auth.secret.expose(), app.clock.now_ms());
    let row = found.filter(|row| login_ticket::is_valid(secret, browser, row, now_ms, step.ticket));
    let row = row.ok_or(LoginError::Wrong)?;
    let guesses = Guesses::of_account(app, client, step.username);
    guesses.check_limits().await?;
    complete(app, &guesses, actor, row, step.code).await
}

/// Checks the code, if the account needs one, and records the login.
async fn complete(
    app: &App,
    guesses: &Guesses<'_>,
    actor: &Actor,
    row: LoginRow,
    code: &str,
) -> Result<LoginRow, LoginError> {
    let known = actor.known_as(row.id, &row.username);
    let mut facts = Diff::default();
    if row.has_second_factor {
        if code.trim().is_empty() {
            let mut transaction = app.postgres.begin().await?;
            record(&mut transaction, &known, "ask-code", Resource::Users, row.id, facts).await?;
            transaction.commit().await?;
            return Err(LoginError::CodeNeeded(Box::new(row)));
        }
        match guesses.try_code(row.id, code).await {
            Ok(accepted) => facts = Diff::noted(json!({"second_factor": accepted.as_str()})),
            Err(error) => {
                if matches!(error, LoginError::WrongCode) {
                    security_log::login_failed(app, actor, row.id, &username_key(&row.username), "code");
                    record_failure(app, actor, Some(&row), "code").await?;
                }
                return Err(error);
            }
        }
    }
    guesses.forget();
    app.metrics.login(LoginOutcome::Success);
    record_login(app, &known, row.id, facts).await?;
    Ok(row)
}

async fn record_login(app: &App, actor: &Actor, id: i64, facts: Diff) -> Result<(), ApiError> {
    let mut transaction = app.postgres.begin().await?;
    users::touch_last_login(&mut *transaction, id, crate::db::time_of(&app.clock)).await?;
    record(&mut transaction, actor, "login", Resource::Users, id, facts).await?;
    Ok(transaction.commit().await?)
}

/// Writes a line of the audit trail for a known account. An unknown account takes the same work,
/// which is rolled back, so that the time does not tell which accounts exist. Neither waits for the
/// disk, because a line that a crash of Postgres loses belongs to no change.
async fn record_failure(
    app: &App,
    actor: &Actor,
    found: Option<&LoginRow>,
    wrong: &str,
) -> Result<(), ApiError> {
    let (id, username) = found.map_or((0, ""), |row| (row.id, row.username.as_str()));
    let mut transaction = app.postgres.begin().await?;
    audit::commit_without_sync(&mut transaction).await?;
    let facts = Diff::noted(json!({"username": username, "wrong": wrong}));
    record(&mut transaction, actor, "login-failed", Resource::Users, id, facts).await?;
    if found.is_some() {
        transaction.commit().await?
    } else {
        transaction.rollback().await?
    }
    Ok(())
}

/// The guesses at the password and the codes of one account, from one address or login.
pub struct Guesses<'a> {
    app: &'a App,
    /// The address and the account, or the login.
    key: String,
    /// `None`: somebody who is logged in.
    stranger: Option<Stranger>,
}

/// Somebody who is not logged in.
struct Stranger {
    account: String,
    address: String,
}

impl Stranger {
    fn key(&self) -> String {
        format!("{} {}", self.address, self.account)
    }

    /// Returns whether the account was logged in to from this address.
    async fn has_logged_in(&self, app: &App) -> sqlx::Result<bool> {
        let addresses = sessions::addresses(&app.postgres, &self.account).await?;
        Ok(addresses.iter().filter_map(|text| text.parse().ok()).any(|ip| limit_key(ip) == self.address))
    }
}

impl<'a> Guesses<'a> {
    /// Names the account that somebody wants to log in to, and the address.
    #[must_use]
    pub fn of_account(app: &'a App, client: &ClientInfo, username: &str) -> Self {
        // No account has a longer name. Longer ones share a key, so that they do not fill the
        // memory.
        let is_possible = username.chars().count() <= MAX_USERNAME_CHARS;
        let account = if is_possible { username_key(username) } else { String::new() };
        let address = client.limit_key();
        let stranger = Stranger { account, address };
        Self { app, key: stranger.key(), stranger: Some(stranger) }
    }

    /// Names the login of somebody who proves the password again. What strangers do does not count.
    #[must_use]
    pub fn of_login(app: &'a App, credential: Credential) -> Self {
        Self { app, key: format!("{credential:?}"), stranger: None }
    }

    /// Checks a password, and counts a failure. Without a hash the check fails, but takes as long.
    /// The caller resets the count of the account when the login is complete.
    ///
    /// # Errors
    /// [`LoginError::Wrong`] or [`LoginError::Limited`].
    pub async fn try_password(&self, password: &str, hash: Option<String>) -> Result<(), LoginError> {
        self.check_limits().await?;
        let is_right = self.app.passwords.verify(password, hash).await?;
        // Checked again, even for a right password: concurrent attempts all passed the first check.
        self.check_limits().await?;
        if is_right { Ok(()) } else { Err(self.count(LoginError::Wrong)) }
    }

    /// Checks a code, uses it up, and counts a failure.
    ///
    /// # Errors
    /// [`LoginError::WrongCode`] or [`LoginError::Limited`].
    pub async fn try_code(&self, user_id: i64, code: &str) -> Result<Accepted, LoginError> {
        match second_factor::use_code(self.app, user_id, code).await {
            Ok(accepted) => Ok(accepted),
            Err(CodeError::Wrong) => Err(self.count(LoginError::WrongCode)),
            Err(CodeError::Limited(wait_s)) => {
                self.app.metrics.login(LoginOutcome::Limited);
                Err(LoginError::Limited(wait_s))
            }
            Err(CodeError::Failed(error)) => Err(LoginError::Failed(error)),
        }
    }

    /// Resets the count of this address or login.
    pub fn forget(&self) {
        self.app.limits.guesses.forget(&self.key);
    }

    fn count(&self, error: LoginError) -> LoginError {
        let limits = &self.app.limits;
        limits.guesses.count(&self.key);
        if let Some(Stranger { account, address }) = &self.stranger {
            limits.account.count(account);
            limits.address.count(address);
        }
        self.app.metrics.login(LoginOutcome::Wrong);
        error
    }

    async fn check_limits(&self) -> Result<(), LoginError> {
        let limits = &self.app.limits;
        let mut wait_s = limits.guesses.wait_s(&self.key);
        if let Some(stranger) = &self.stranger {
            wait_s = wait_s.or_else(|| limits.address.wait_s(&stranger.address));
            if wait_s.is_none()
                && let Some(of_account_s) = limits.account.wait_s(&stranger.account)
                && !stranger.has_logged_in(self.app).await?
            {
                wait_s = Some(of_account_s);
            }
        }
        match wait_s {
            None => Ok(()),
            Some(wait_s) => {
                self.app.metrics.login(LoginOutcome::Limited);
                Err(LoginError::Limited(wait_s))
            }
        }
    }
}
