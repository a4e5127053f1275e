//! API tokens in Postgres. Only the hash of the secret is stored.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::db::sessions::SEEN_INTERVAL;

/// A token to insert.
#[derive(Debug)]
pub struct NewApiToken<'a> {
    pub user_id: i64,
    pub name: &'a str,
    pub token_hash: [u8; 32],
    pub hint: &'a str,
    pub scopes: &'a [String],
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// A token in the list of a user's tokens.
#[derive(Debug)]
pub struct ApiTokenRow {
    pub id: i64,
    pub name: String,
    pub hint: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token that is neither expired nor revoked.
#[derive(Debug, Clone, Copy)]
pub struct ValidToken {
    pub id: i64,
    pub user_id: i64,
    pub may_write: bool,
}

pub async fn insert(executor: impl PgExecutor<'_>, token: &NewApiToken<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO api_tokens (user_id, name, token_hash, hint, scopes, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        token.user_id,
        token.name,
        &token.token_hash[..],
        token.hint,
        token.scopes,
        token.created_at,
        token.expires_at,
    )
    .fetch_one(executor)
    .await
}

/// Finds a valid token and updates `last_used_at`, at most once a minute.
pub async fn find(
    pool: &PgPool,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ValidToken>> {
    let row = sqlx::query!(
        r#"SELECT id, user_id, 'write' = ANY(scopes) AS "may_write!", last_used_at FROM api_tokens
           WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2"#,
        &token_hash[..],
        now,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.last_used_at.is_none_or(|used| now - used >= SEEN_INTERVAL) {
        sqlx::query!("UPDATE api_tokens SET last_used_at = $2 WHERE id = $1", row.id, now)
            .execute(pool)
            .await?;
    }
    Ok(Some(ValidToken { id: row.id, user_id: row.user_id, may_write: row.may_write }))
}

/// Lists a user's valid tokens that follow `after`, newest first.
pub async fn list(
    pool: &PgPool,
    user_id: i64,
    now: DateTime<Utc>,
    after: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<ApiTokenRow>> {
    sqlx::query_as!(
        ApiTokenRow,
        "SELECT id, name, hint, scopes, created_at, expires_at, last_used_at FROM api_tokens
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($3::bigint IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4",
        user_id,
        now,
        after,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Revokes a user's token. Returns its name if it was valid.
pub async fn revoke(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "UPDATE api_tokens SET revoked_at = $3
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING name",
        id,
        user_id,
        now,
    )
    .fetch_optional(connection)
    .await
}

/// Revokes all tokens of a user.
pub async fn revoke_all(connection: &mut PgConnection, user_id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE api_tokens SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL",
        user_id,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}
