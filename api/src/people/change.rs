//! Shared steps of all edits of a user, in one transaction: locks the user, checks `If-Match`,
//! writes the edit, ends logins and team memberships if necessary, and writes a line in the audit
//! trail.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::audit::Diff;
use crate::db::users::{self, USERNAME_UNIQUE, UserEdit, UserRow, Visible};
use crate::db::{api_tokens, password_resets, sessions, teams, time_of};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::server_error::constraint_to_conflict;
use crate::http::state::App;
use crate::people::model::{AccountResponse, UserResponse};
use crate::people::rules::constraint_error;
use crate::policy::Resource;

/// Changes a user. `edit` gets the current row and returns the new values.
///
/// # Errors
/// 404 if the user is out of scope, 412 for another version, 400 and 409 for a violated constraint,
/// and errors of `edit`.
pub async fn change_user(
    app: &App,
    call: &Call,
    verb: &str,
    edit: impl FnOnce(&UserRow) -> Result<UserEdit, ApiError>,
) -> Result<UserRow, ApiError> {
    let mut transaction = call.allowed.begin_locking_user(app, call.id).await?;
    let before = find_current(&mut transaction, call).await?;
    let (old, new) = (UserEdit::of(&before), edit(&before)?);
    if old == new {
        return Ok(before);
    }
    users::update(&mut transaction, call.id, &new).await.map_err(constraint_error)?;
    let now = time_of(&app.clock);
    // A login or token from the old position must not get the permissions of the new one.
    if !new.is_active || old.position != new.position {
        end_access(&mut transaction, call.id, now, verb).await?;
    }
    let after = users::find(&mut *transaction, call.id, Visible::ALL).await?;
    let after = after.ok_or_else(ApiError::not_found)?;
    let diff = Diff::updated(&AccountResponse::from(before), &AccountResponse::from(after.clone()));
    call.record(&mut transaction, verb, Resource::Users, diff).await?;
    transaction.commit().await?;
    Ok(after)
}

/// Archives a user: removes them from lists and teams and ends all their logins. Their history
/// stays.
///
/// # Errors
/// As [`change_user`].
pub async fn archive_user(app: &App, call: &Call) -> Result<(), ApiError> {
    let mut transaction = call.allowed.begin_locking_user(app, call.id).await?;
    let before = find_current(&mut transaction, call).await?;
    let now = time_of(&app.clock);
    users::archive(&mut transaction, call.id, now).await.map_err(constraint_error)?;
    teams::leave_all(&mut transaction, call.id).await?;
    end_access(&mut transaction, call.id, now, "delete").await?;
    let diff = Diff::deleted(&UserResponse::from(before));
    call.record(&mut transaction, "delete", Resource::Users, diff).await?;
    transaction.commit().await
}

/// Brings an archived user back, who is inactive and in no team.
///
/// # Errors
/// 404 if there is no archived user with this id, 412 for another version, 409 if the username was
/// given to somebody else.
pub async fn restore_user(app: &App, call: &Call) -> Result<UserRow, ApiError> {
    let mut transaction = call.allowed.begin_locking_user(app, call.id).await?;
    let taken = [(USERNAME_UNIQUE, "Another user has this username now. Rename that user first.")];
    let restored = users::restore(&mut transaction, call.id).await;
    let is_restored = restored.map_err(|error| constraint_to_conflict(error, &taken))?;
    let row = users::find(&mut *transaction, call.id, Visible::ALL).await?.filter(|_| is_restored);
    let row = row.ok_or_else(ApiError::not_found)?;
    // The restoration incremented it.
    call.check_version(row.version - 1)?;
    let diff = Diff::created(&UserResponse::from(row.clone()));
    call.record(&mut transaction, "restore", Resource::Users, diff).await?;
    transaction.commit().await?;
    Ok(row)
}

/// Ends everything that gives access without the password: logins, API tokens and a one-time token.
pub async fn end_access(
    connection: &mut PgConnection,
    id: i64,
    now: DateTime<Utc>,
    reason: &str,
) -> sqlx::Result<()> {
    users::lock_exclusive(connection, &[id]).await?;
    sessions::revoke_others(connection, id, None, now, reason).await?;
    password_resets::forget(connection, id).await?;
    api_tokens::revoke_all(connection, id, now).await
}

async fn find_current(connection: &mut PgConnection, call: &Call) -> Result<UserRow, ApiError> {
    let row =
        users::find(connection, call.id, Visible::of(&call.allowed.viewer, call.allowed.grant.scope)).await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    Ok(row)
}
