//! Browsers' sessions in Postgres.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::auth::session::Session;
use crate::auth::token::Origin;

/// A session to be kept.
#[derive(Debug)]
pub struct NewSession<'a> {
    pub token_hash: [u8; 32],
    pub user_id: i64,
    pub csrf: [u8; 32],
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub origin: &'a Origin,
}

/// # Errors
/// When Postgres fails.
pub async fn insert(pool: &PgPool, session: &NewSession<'_>) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO sessions (token_hash, user_id, csrf, created_at, expires_at, address, agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(&session.token_hash[..])
    .bind(session.user_id)
    .bind(&session.csrf[..])
    .bind(session.created_at)
    .bind(session.expires_at)
    .bind(&session.origin.address)
    .bind(&session.origin.agent)
    .execute(pool)
    .await?;
    Ok(())
}

/// A session that is neither expired nor revoked.
///
/// # Errors
/// When Postgres fails.
pub async fn find(pool: &PgPool, token_hash: &[u8; 32], now: DateTime<Utc>) -> sqlx::Result<Option<Session>> {
    let row: Option<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT user_id, csrf FROM sessions WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2",
    )
    .bind(&token_hash[..])
    .bind(now)
    .fetch_optional(pool)
    .await?;
    Ok(row.and_then(|(user_id, csrf)| {
        Some(Session { user_id, token_hash: *token_hash, csrf: csrf.try_into().ok()? })
    }))
}

/// # Errors
/// When Postgres fails.
pub async fn revoke(pool: &PgPool, token_hash: &[u8; 32], now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("UPDATE sessions SET revoked_at = $2 WHERE token_hash = $1 AND revoked_at IS NULL")
        .bind(&token_hash[..])
        .bind(now)
        .execute(pool)
        .await?;
    Ok(())
}
