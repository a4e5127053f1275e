//! One-time links for a new password, in Postgres. Only the hash of the secret is stored.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

/// Stores a user's link. It replaces the previous one.
pub async fn set(
    connection: &mut PgConnection,
    user_id: i64,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO password_resets (user_id, token_hash, created_at, expires_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET token_hash = $2, created_at = $3, expires_at = $4",
        user_id,
        &token_hash[..],
        now,
        expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The user of a link.
#[derive(Debug)]
pub struct ResetUserRow {
    username: String,
    email: String,
    first_name: String,
    last_name: String,
}

impl ResetUserRow {
    /// Returns the texts that the new password must not be guessed from.
    #[must_use]
    pub fn about(&self) -> [&str; 4] {
        [&self.username, &self.email, &self.first_name, &self.last_name]
    }
}

/// Returns the user of a valid link, without using it.
pub async fn find_user(
    executor: impl PgExecutor<'_>,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ResetUserRow>> {
    sqlx::query_as!(
        ResetUserRow,
        "SELECT username, email, first_name, last_name
         FROM password_resets JOIN users ON users.id = user_id
         WHERE token_hash = $1 AND expires_at > $2 AND archived_at IS NULL",
        &token_hash[..],
        now
    )
    .fetch_optional(executor)
    .await
}

/// Uses up a link and returns the user's id and name. Of two concurrent calls only one succeeds.
pub async fn redeem(
    connection: &mut PgConnection,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(i64, String)>> {
    let row = sqlx::query!(
        "DELETE FROM password_resets reset USING users
         WHERE token_hash = $1 AND expires_at > $2 AND users.id = reset.user_id AND users.archived_at IS NULL
         RETURNING users.id, users.username",
        &token_hash[..],
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.username)))
}

/// Deletes a user's link.
pub async fn forget(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM password_resets WHERE user_id = $1", user_id).execute(connection).await?;
    Ok(())
}
