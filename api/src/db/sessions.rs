//! Browser sessions in Postgres, and the list of all logins of a user: browser sessions and token
//! families.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// The shortest time between two records of a use, to avoid a write for each request.
pub const SEEN_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// A valid session.
#[derive(Debug, Clone)]
pub struct Session {
    /// The public id, to list and revoke the session.
    pub id: Uuid,
    pub user_id: i64,
    /// The secret of the CSRF tokens of this session.
    pub csrf: [u8; 32],
}

/// Address and user agent of a login, which its user can see later.
#[derive(Debug, Clone, Default)]
pub struct LoginOrigin {
    pub address: String,
    pub agent: String,
}

/// A session to insert.
#[derive(Debug)]
pub struct NewSession<'a> {
    pub token_hash: [u8; 32],
    pub user_id: i64,
    pub csrf: [u8; 32],
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub origin: &'a LoginOrigin,
}

/// Returns the addresses from which an account was logged in to.
pub async fn addresses(pool: &PgPool, username_key: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT login.address AS "address!" FROM users
         JOIN (SELECT user_id, address FROM sessions UNION SELECT user_id, address FROM token_families) login
             ON login.user_id = users.id
         WHERE username_key = $1 AND archived_at IS NULL"#,
        username_key
    )
    .fetch_all(pool)
    .await
}

pub async fn insert(connection: &mut PgConnection, session: &NewSession<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO sessions (token_hash, user_id, csrf, created_at, expires_at, address, agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &session.token_hash[..],
        session.user_id,
        &session.csrf[..],
        session.created_at,
        session.expires_at,
        &session.origin.address,
        &session.origin.agent
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// An active login of a browser or a program.
#[derive(Debug)]
pub struct LoginRow {
    pub id: Uuid,
    /// `browser` or `api`.
    pub kind: String,
    pub created_at: DateTime<Utc>,
    /// To the minute for a browser; the last exchange of the refresh token for a program.
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub address: String,
    pub agent: String,
}

/// Finds a session that is neither expired nor revoked, and updates `last_seen_at`, at most once a
/// minute.
pub async fn find(pool: &PgPool, token_hash: &[u8; 32], now: DateTime<Utc>) -> sqlx::Result<Option<Session>> {
    let row = sqlx::query!(
        "SELECT id, user_id, csrf, last_seen_at FROM sessions
         WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2",
        &token_hash[..],
        now
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.last_seen_at.is_none_or(|seen| now - seen >= SEEN_INTERVAL) {
        sqlx::query!("UPDATE sessions SET last_seen_at = $2 WHERE id = $1", row.id, now)
            .execute(pool)
            .await?;
    }
    let csrf = row.csrf.try_into().ok();
    Ok(csrf.map(|csrf| Session { id: row.id, user_id: row.user_id, csrf }))
}

/// Returns the user of a session by the secret of its forms, also if the session has ended.
pub async fn user_of_csrf(pool: &PgPool, csrf: &[u8; 32]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT user_id FROM sessions WHERE csrf = $1", &csrf[..]).fetch_optional(pool).await
}

/// Lists a user's active logins that follow `after`, newest first.
pub async fn list(
    pool: &PgPool,
    user_id: i64,
    now: DateTime<Utc>,
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> sqlx::Result<Vec<LoginRow>> {
    let (after_time, after_id) = after.unzip();
    sqlx::query_as!(
        LoginRow,
        r#"SELECT id AS "id!", kind AS "kind!", created_at AS "created_at!", last_seen_at AS "last_seen_at!",
                  expires_at AS "expires_at!", address AS "address!", agent AS "agent!"
           FROM (
               SELECT id, 'browser' AS kind, created_at, coalesce(last_seen_at, created_at) AS last_seen_at,
                      expires_at, address, agent
               FROM sessions
               WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
                 AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
               UNION ALL
               SELECT family.id, 'api', family.created_at, newest.created_at, newest.expires_at, address, agent
               FROM token_families family
               CROSS JOIN LATERAL (
                   SELECT refresh.created_at, refresh.expires_at FROM refresh_tokens refresh
                   WHERE refresh.family_id = family.id ORDER BY refresh.created_at DESC LIMIT 1
               ) newest
               WHERE user_id = $1 AND revoked_at IS NULL AND newest.expires_at > $2
                 AND ($3::timestamptz IS NULL OR (family.created_at, family.id) < ($3, $4::uuid))
           ) login
           ORDER BY created_at DESC, id DESC LIMIT $5"#,
        user_id,
        now,
        after_time,
        after_id,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Revokes one login of a user. Returns whether it was active.
pub async fn revoke(
    connection: &mut PgConnection,
    user_id: i64,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let sessions = sqlx::query!(
        "UPDATE sessions SET revoked_at = $3
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3",
        id,
        user_id,
        now
    )
    .execute(&mut *connection)
    .await?;
    let families = sqlx::query!(
        "UPDATE token_families SET revoked_at = $3, revoked_reason = 'revoked'
         WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL",
        id,
        user_id,
        now
    )
    .execute(connection)
    .await?;
    Ok(sessions.rows_affected() + families.rows_affected() > 0)
}

/// Revokes all logins of a user except `but`. Returns their number.
pub async fn revoke_others(
    connection: &mut PgConnection,
    user_id: i64,
    but: Option<Uuid>,
    now: DateTime<Utc>,
    reason: &str,
) -> sqlx::Result<u64> {
    let sessions = sqlx::query!(
        "UPDATE sessions SET revoked_at = $3
         WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3 AND id IS DISTINCT FROM $2::uuid",
        user_id,
        but,
        now
    )
    .execute(&mut *connection)
    .await?;
    let families = sqlx::query!(
        "UPDATE token_families SET revoked_at = $3, revoked_reason = $4
         WHERE user_id = $1 AND revoked_at IS NULL AND id IS DISTINCT FROM $2::uuid",
        user_id,
        but,
        now,
        reason
    )
    .execute(connection)
    .await?;
    Ok(sessions.rows_affected() + families.rows_affected())
}
