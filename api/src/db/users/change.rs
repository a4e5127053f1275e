//! Changes to users. Each runs in a transaction of the caller, who also writes the audit line.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::db::users::list::UserRow;
use crate::db::users::username::username_key;
use crate::policy::Position;
use crate::preferences::Preferences;

/// The fields of a user that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEdit {
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
    pub is_active: bool,
    pub time_zone: String,
    pub preferences: Preferences,
}

impl UserEdit {
    /// Returns the current values.
    #[must_use]
    pub fn of(row: &UserRow) -> Self {
        Self {
            username: row.username.clone(),
            email: row.email.clone(),
            first_name: row.first_name.clone(),
            last_name: row.last_name.clone(),
            position: Position::parse(&row.position).unwrap_or(Position::Buyer),
            is_active: row.is_active,
            time_zone: row.time_zone.clone(),
            preferences: row.preferences(),
        }
    }
}

/// Changes a user and increments the version.
///
/// # Errors
/// A violation of [`super::USERNAME_UNIQUE`] or [`super::LAST_OWNER`].
pub async fn update(connection: &mut PgConnection, id: i64, edit: &UserEdit) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET username = $2, username_key = $3, email = $4, first_name = $5, last_name = $6,
                position = $7, is_active = $8, awaits_approval = awaits_approval AND NOT $8, time_zone = $9,
                week_start = $10, theme = $11, shortcuts = $12, report_currency = $13, version = version + 1
         WHERE id = $1",
        id,
        edit.username,
        username_key(&edit.username),
        edit.email,
        edit.first_name,
        edit.last_name,
        edit.position.as_str(),
        edit.is_active,
        edit.time_zone,
        edit.preferences.week_start.as_str(),
        edit.preferences.theme.as_str(),
        edit.preferences.shortcuts,
        edit.preferences.report_currency,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Archives a user and frees the username. The history stays.
///
/// # Errors
/// A violation of [`super::LAST_OWNER`].
pub async fn archive(connection: &mut PgConnection, id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE users SET is_active = false, awaits_approval = false, archived_at = $2,
                username_key = username_key || '#' || id, version = version + 1
         WHERE id = $1",
        id,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Brings an archived user back, who stays inactive. Returns false if there is none with this id.
///
/// # Errors
/// A violation of [`super::USERNAME_UNIQUE`].
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE users SET archived_at = NULL, username_key = split_part(username_key, '#', 1), version = version + 1
         WHERE id = $1 AND archived_at IS NOT NULL",
        id,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces a password hash. Returns false if `old_hash` is no longer the current one.
pub async fn replace_password(
    connection: &mut PgConnection,
    id: i64,
    old_hash: &str,
    new_hash: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        id,
        old_hash,
        new_hash
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_password(connection: &mut PgConnection, id: i64, password_hash: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET password_hash = $2 WHERE id = $1", id, password_hash)
        .execute(connection)
        .await?;
    Ok(())
}
