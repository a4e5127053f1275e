//! Checks the codes of second factors: one-time codes of an app, and recovery codes.
//!
//! Each attempt with a one-time code is counted in Postgres before it is checked, and after a few
//! the next one must wait, longer each time. So even somebody who knows the password, and asks all
//! instances at once, gets about one guess an hour. A recovery code cannot be guessed and does not
//! wait: its owner can log in meanwhile.

use chrono::{DateTime, TimeDelta, Utc};

use crate::db::second_factors::{self, SecondFactorRow};
use crate::db::time_of;
use crate::http::auth::{recovery, totp};
use crate::http::error::ApiError;
use crate::http::state::App;

/// Wrong codes in a row after which the next attempt must wait.
const FREE_ATTEMPTS: i32 = 5;
const FIRST_WAIT_S: i64 = 30;
const MAX_WAIT_S: i64 = 3600;

/// The reason why a code was not accepted.
#[derive(Debug)]
pub enum CodeError {
    /// It is wrong, or was used before.
    Wrong,
    /// There were too many wrong codes. Try again after this number of seconds.
    Limited(u64),
    /// Another error.
    Failed(ApiError),
}

impl<E: Into<ApiError>> From<E> for CodeError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// An accepted code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A code of the app, with its time step.
    Code(i64),
    RecoveryCode,
}

impl Accepted {
    /// Returns the word for the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::RecoveryCode => "recovery code",
        }
    }
}

/// Checks a code and uses it up.
///
/// # Errors
/// [`CodeError::Wrong`], or [`CodeError::Limited`] after too many wrong codes.
pub async fn use_code(app: &App, user_id: i64, code: &str) -> Result<Accepted, CodeError> {
    if let Some(hash) = recovery::hash(user_id, code) {
        let is_valid =
            second_factors::use_recovery_code(&app.postgres, user_id, &hash, time_of(&app.clock)).await?;
        return if is_valid { Ok(Accepted::RecoveryCode) } else { Err(CodeError::Wrong) };
    }
    use_app_code(app, user_id, code).await.map(Accepted::Code)
}

/// Checks a code of the app and uses it up. Returns its time step.
///
/// # Errors
/// Like [`use_code`].
pub async fn use_app_code(app: &App, user_id: i64, code: &str) -> Result<i64, CodeError> {
    let code: String = code.chars().filter(|ch| !ch.is_whitespace()).collect();
    let Some(row) = second_factors::find(&app.postgres, user_id).await? else {
        return Err(CodeError::Wrong);
    };
    let now = time_of(&app.clock);
    if let Some(wait_s) = wait_s(&row, now) {
        return Err(CodeError::Limited(wait_s));
    }
    if !second_factors::count_attempt(&app.postgres, user_id, &row, now).await? {
        // Another attempt came first.
        return Err(CodeError::Limited(1));
    }
    let Some(secret) = app.sealer.open(user_id, &row.sealed_secret) else {
        tracing::error!(
            user_id,
            "a second factor cannot be read: auth.secret is not the one it was made with"
        );
        return Err(CodeError::Wrong);
    };
    let last_step = u64::try_from(row.last_step).unwrap_or(0);
    let step = totp::find_step(&secret, &code, app.clock.now_ms() / 1000, last_step);
    let Some(step) = step.and_then(|step| i64::try_from(step).ok()) else {
        return Err(CodeError::Wrong);
    };
    if second_factors::accept_step(&app.postgres, user_id, step).await? {
        Ok(step)
    } else {
        Err(CodeError::Wrong)
    }
}

/// Returns the seconds until the next attempt is allowed.
fn wait_s(row: &SecondFactorRow, now: DateTime<Utc>) -> Option<u64> {
    let n_over = u32::try_from(row.n_attempts - FREE_ATTEMPTS).ok()?;
    let wait_s = FIRST_WAIT_S.saturating_mul(1_i64.checked_shl(n_over).unwrap_or(i64::MAX)).min(MAX_WAIT_S);
    let until = row.attempted_at? + TimeDelta::seconds(wait_s);
    let left_ms = (until - now).num_milliseconds();
    u64::try_from(left_ms).ok().filter(|left_ms| *left_ms > 0).map(|left_ms| left_ms.div_ceil(1000))
}

/// Encrypts all secrets with the current key that are still encrypted with a previous one.
pub async fn reseal(app: &App) -> Result<(), ApiError> {
    for (user_id, sealed) in second_factors::sealed_secrets(&app.postgres).await? {
        if app.sealer.is_current(&sealed) {
            continue;
        }
        let Some(secret) = app.sealer.open(user_id, &sealed) else {
            tracing::error!(
                user_id,
                "a second factor cannot be read: its key is not in auth.previous_secrets"
            );
            continue;
        };
        let new = app.sealer.seal(user_id, &secret)?;
        second_factors::reseal(&app.postgres, user_id, &sealed, &new).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_the_attempts_and_ends() {
        let now = DateTime::from_timestamp(1_795_446_000, 0).unwrap();
        let wait = |n_attempts, ago_s| {
            let row = SecondFactorRow {
                sealed_secret: Vec::new(),
                created_at: now,
                last_step: 0,
                n_attempts,
                attempted_at: Some(now - TimeDelta::seconds(ago_s)),
            };
            wait_s(&row, now)
        };
        assert_eq!([wait(0, 0), wait(4, 0)], [None, None]);
        assert_eq!([wait(5, 0), wait(5, 29), wait(5, 30)], [Some(30), Some(1), None]);
        assert_eq!([wait(6, 0), wait(7, 0), wait(11, 0)], [Some(60), Some(120), Some(1920)]);
        assert_eq!([wait(12, 0), wait(i32::MAX, 0), wait(99, 3600)], [Some(3600), Some(3600), None]);
    }
}
