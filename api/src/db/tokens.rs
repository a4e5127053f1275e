//! Token families and refresh tokens in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::db::idempotency;
use crate::db::sessions::LoginOrigin;

/// A refresh token with its family and user.
#[derive(Debug)]
pub struct RefreshRow {
    pub family_id: Uuid,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub user_id: i64,
    pub username: String,
    pub is_active: bool,
}

pub async fn insert_family(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: i64,
    now: DateTime<Utc>,
    origin: &LoginOrigin,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO token_families (id, user_id, created_at, address, agent) VALUES ($1, $2, $3, $4, $5)",
        id,
        user_id,
        now,
        &origin.address,
        &origin.agent
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn insert_refresh(
    connection: &mut PgConnection,
    family_id: Uuid,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO refresh_tokens (token_hash, family_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        &token_hash[..],
        family_id,
        now,
        expires_at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Finds a refresh token and locks it until the transaction ends, so that the second of two
/// concurrent exchanges sees that the token was used.
pub async fn find_refresh_exclusive(
    connection: &mut PgConnection,
    token_hash: &[u8; 32],
) -> sqlx::Result<Option<RefreshRow>> {
    sqlx::query_as!(
        RefreshRow,
        "SELECT refresh.family_id, refresh.expires_at, refresh.used_at, family.revoked_at,
                users.id AS user_id, users.username, users.is_active
         FROM refresh_tokens refresh
         JOIN token_families family ON family.id = refresh.family_id
         JOIN users ON users.id = family.user_id
         WHERE refresh.token_hash = $1
         FOR UPDATE OF refresh",
        &token_hash[..]
    )
    .fetch_optional(connection)
    .await
}

pub async fn mark_used(
    connection: &mut PgConnection,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1", &token_hash[..], now)
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn revoke_family(
    executor: impl PgExecutor<'_>,
    family_id: Uuid,
    now: DateTime<Utc>,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE token_families SET revoked_at = $2, revoked_reason = $3 WHERE id = $1 AND revoked_at IS NULL",
        family_id,
        now,
        reason
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Locks the row of the refresh token's user, before its family is revoked.
pub async fn lock_owner_exclusive(connection: &mut PgConnection, token_hash: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT id FROM users WHERE id = (SELECT user_id FROM token_families family
             JOIN refresh_tokens refresh ON refresh.family_id = family.id WHERE token_hash = $1) FOR UPDATE",
        &token_hash[..]
    )
    .fetch_optional(connection)
    .await?;
    Ok(())
}

/// Revokes the family of a refresh token. Returns the id and name of its user if it was active.
pub async fn revoke_by_refresh(
    connection: &mut PgConnection,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<(i64, String)>> {
    let ended = sqlx::query!(
        "UPDATE token_families family SET revoked_at = $2, revoked_reason = 'logout'
         FROM users
         WHERE users.id = family.user_id AND family.revoked_at IS NULL
           AND family.id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)
         RETURNING users.id, users.username",
        &token_hash[..],
        now
    )
    .fetch_optional(connection)
    .await?;
    Ok(ended.map(|row| (row.id, row.username)))
}

/// Deletes the sessions, token families, API tokens and one-time links that expired before
/// `before`, and the idempotency keys claimed before it. A family expires with its last refresh
/// token. Returns the number of deleted rows.
pub async fn forget_expired(connection: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let sessions =
        sqlx::query!("DELETE FROM sessions WHERE expires_at < $1", before).execute(&mut *connection).await?;
    let families = sqlx::query!("DELETE FROM token_families family WHERE created_at < $1 AND NOT EXISTS (
             SELECT FROM refresh_tokens refresh WHERE refresh.family_id = family.id AND refresh.expires_at >= $1)",
        before,
    )
    .execute(&mut *connection)
    .await?;
    let api_tokens = sqlx::query!("DELETE FROM api_tokens WHERE expires_at < $1", before)
        .execute(&mut *connection)
        .await?;
    let resets = sqlx::query!("DELETE FROM password_resets WHERE expires_at < $1", before)
        .execute(&mut *connection)
        .await?;
    let keys = idempotency::forget(connection, before).await?;
    Ok(keys
        + sessions.rows_affected()
        + families.rows_affected()
        + api_tokens.rows_affected()
        + resets.rows_affected())
}
