//! Idempotency keys in Postgres, with the answers that they stand for.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor, PgPool};

/// The state of a lock that was waited for too long.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Whose key for what.
#[derive(Debug, Clone)]
pub struct ScopedKey {
    /// 0: the public.
    pub user_id: i64,
    pub operation: String,
    pub key: String,
}

/// A key that was used.
#[derive(Debug)]
pub struct UsedKey {
    pub fingerprint: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// `None`: there is no answer yet.
    pub status: Option<i16>,
    /// Pairs of name and value.
    pub headers: Option<Value>,
    pub body: Option<Vec<u8>>,
}

/// When a key that is taken now is taken, and what is free by then.
#[derive(Debug, Clone, Copy)]
pub struct ClaimTimes {
    pub now: DateTime<Utc>,
    /// Keys from before are free.
    pub forgotten: DateTime<Utc>,
    /// Keys from before that have no answer are free.
    pub given_up: DateTime<Utc>,
}

/// A key that was used and is not forgotten.
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

/// Takes a key; false when another request has it, or holds it for longer than can be waited.
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

/// Keeps the answer with the key that was taken for it.
pub async fn answer(
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

/// Frees a key that got no answer worth keeping.
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

/// Forgets what was taken before `before`. Returns how many keys went.
pub async fn forget(connection: &mut PgConnection, before: DateTime<Utc>) -> sqlx::Result<u64> {
    let gone = sqlx::query!("DELETE FROM idempotency_keys WHERE created_at < $1", before);
    Ok(gone.execute(connection).await?.rows_affected())
}
