//! The way of every change of a person: held, checked against `If-Match`, changed, and what it means for their logins and
//! teams, with a line in the audit trail; all of it or nothing.

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

/// Whose account is changed, by whom, as what.
#[derive(Debug)]
pub struct Target<'a> {
    pub id: i64,
    pub allowed: &'a Allowed,
    pub actor: &'a Actor,
    pub headers: &'a HeaderMap,
    /// In the audit trail.
    pub verb: &'static str,
}

/// Changes a person as `edit` says of what they are now.
///
/// # Errors
/// 404 out of sight, 412 for an old reading, 400 and 409 for what the database refuses, and what `edit` refuses.
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
    // What was given to somebody of another position must not grow with them.
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

/// Takes a person away: from the lists, the teams and every login, but not from the history.
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

/// Ends everything that lets a person in without the password: logins, API tokens and a
/// one-time link.
///
/// # Errors
/// When Postgres is down.
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
