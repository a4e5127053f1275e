//! Idempotency keys in Postgres, with the response of the first request under each key.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, PgPool};

/// The SQLSTATE of a lock timeout.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A key within its scope: one user and one operation.
#[derive(Debug, Clone)]
pub struct ScopedKey {
    /// 0: an anonymous client.
    pub user_id: i64,
    pub operation: String,
    pub key: String,
}

/// A key that was used before.
#[derive(Debug)]
pub struct UsedKey {
    pub fingerprint: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// `None`: there is no response yet.
    pub status: Option<i16>,
    /// Pairs of name and value.
    pub headers: Option<Value>,
    pub body: Option<Vec<u8>>,
}

/// The times that decide whether a key can be claimed.
#[derive(Debug, Clone, Copy)]
pub struct ClaimTimes {
    pub now: DateTime<Utc>,
    /// Keys claimed before this time can be claimed again.
    pub forgotten: DateTime<Utc>,
    /// Keys claimed before this time that have no response can be claimed again.
    pub given_up: DateTime<Utc>,
}

/// Finds a used key that was claimed after `forgotten`.
pub async fn find(pool: &PgPool, of: &ScopedKey, forgotten: DateTime<Utc>) -> sqlx::Result<Option<UsedKey>> {
    sqlx::query_as!(
        UsedKey,
        "SELECT fingerprint, created_at, status, headers, body FROM idempotency_keys
         WHERE user_id = $1 AND operation = $2 AND key = $3 AND created_at > $4",
        of.user_id,
        of.operation,
        of.key,
        forgotten,
    )
    .fetch_optional(pool)
    .await
}

/// Claims a key. Returns false if another request has claimed it, or keeps it locked for longer
/// than the lock timeout.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    of: &ScopedKey,
    fingerprint: &[u8],
    moments: ClaimTimes,
) -> sqlx::Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"SELECT take_idempotency_key($1, $2, $3, $4, $5, $6, $7) AS "taken!""#,
        of.user_id,
        of.operation,
        of.key,
        fingerprint,
        moments.now,
        moments.forgotten,
        moments.given_up,
    )
    .fetch_one(executor)
    .await;
    match taken {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => Ok(false),
        taken => taken,
    }
}

/// Stores the response with its claimed key.
pub async fn store_response(
    executor: impl PgExecutor<'_>,
    of: &ScopedKey,
    status: i16,
    headers: &Value,
    body: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE idempotency_keys SET status = $4, headers = $5, body = $6
         WHERE user_id = $1 AND operation = $2 AND key = $3",
        of.user_id,
        of.operation,
        of.key,
        status,
        headers,
        body,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Frees a claimed key that got no response worth storing.
pub async fn free(pool: &PgPool, of: &ScopedKey) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM idempotency_keys WHERE user_id = $1 AND operation = $2 AND key = $3 AND status IS NULL",
        of.user_id,
        of.operation,
        of.key,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Deletes the keys claimed before `before`. Returns their number.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let gone = sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", before);
    Ok(gone.execute(connection).await?.rows_affected())
}
