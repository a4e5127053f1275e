//! Shared steps of all edits of a user, in one transaction: locks the user, checks `If-Match`,
//! writes the edit, ends logins and team memberships if necessary, and writes a line in the audit
//! trail.

use axum::http::HeaderMap;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::audit::{Actor, Diff, record};
use crate::db::teams;
use crate::db::users::{self, UserEdit, UserRow, Visible};
use crate::db::{api_tokens, password_resets, sessions, time_of};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;
use crate::users::account::constraint_error;
use crate::users::list::UserResponse;

/// The user to edit, and the request.
#[derive(Debug)]
pub struct Target<'a> {
    pub id: i64,
    pub allowed: &'a Allowed,
    pub actor: &'a Actor,
    pub headers: &'a HeaderMap,
    /// Verb in the audit trail.
    pub verb: &'static str,
}

/// Changes a user. `edit` gets the current row and returns the new values.
///
/// # Errors
/// 404 if the user is out of scope, 412 for another version, 400 and 409 for a violated constraint,
/// and errors of `edit`.
pub async fn change_user(
    app: &App,
    target: &Target<'_>,
    edit: impl FnOnce(&UserRow) -> Result<UserEdit, ApiError>,
) -> Result<UserRow, ApiError> {
    let mut transaction = target.allowed.begin_locking_user(app, target.id).await?;
    let before = find_target(&mut transaction, target).await?;
    let (old, new) = (UserEdit::of(&before), edit(&before)?);
    if old == new {
        return Ok(before);
    }
    users::update(&mut transaction, target.id, &new).await.map_err(constraint_error)?;
    let now = time_of(&app.clock);
    // A login or token from the old position must not get the permissions of the new one.
    if !new.is_active || old.position != new.position {
        end_access(&mut transaction, target.id, now, target.verb).await?;
    }
    let after = users::find(&mut *transaction, target.id, Visible::ALL).await?;
    let after = after.ok_or_else(ApiError::not_found)?;
    let diff = Diff::updated(&UserResponse::from(before), &UserResponse::from(after.clone()));
    record(&mut transaction, target.actor, target.verb, Resource::Users, target.id, diff).await?;
    transaction.commit().await?;
    Ok(after)
}

/// Archives a user: removes them from lists and teams and ends all their logins. Their history
/// stays.
///
/// # Errors
/// As [`change_user`].
pub async fn archive_user(app: &App, target: &Target<'_>) -> Result<(), ApiError> {
    let mut transaction = target.allowed.begin_locking_user(app, target.id).await?;
    let before = find_target(&mut transaction, target).await?;
    let now = time_of(&app.clock);
    users::archive(&mut transaction, target.id, now).await.map_err(constraint_error)?;
    teams::leave_all(&mut transaction, target.id).await?;
    end_access(&mut transaction, target.id, now, target.verb).await?;
    let diff = Diff::deleted(&UserResponse::from(before));
    record(&mut transaction, target.actor, target.verb, Resource::Users, target.id, diff).await?;
    transaction.commit().await
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

async fn find_target(connection: &mut PgConnection, target: &Target<'_>) -> Result<UserRow, ApiError> {
    let row =
        users::find(connection, target.id, Visible::of(&target.allowed.viewer, target.allowed.grant.scope))
            .await?;
    let row = row.ok_or_else(ApiError::not_found)?;
    check_version(target.headers, row.version)?;
    Ok(row)
}
