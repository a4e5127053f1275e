//! Second factors in Postgres: sealed secrets, attempts, and the hashes of recovery codes.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// A person's secret and the attempts to enter a code of it.
#[derive(Debug)]
pub struct SecondFactorRow {
    pub sealed_secret: Vec<u8>,
    pub created_at: DateTime<Utc>,
    /// The time step of the last accepted code.
    pub last_step: i64,
    /// Attempts since the last accepted code.
    pub n_attempts: i32,
    pub attempted_at: Option<DateTime<Utc>>,
}

pub async fn find(executor: impl PgExecutor<'_>, user_id: i64) -> sqlx::Result<Option<SecondFactorRow>> {
    sqlx::query_as!(
        SecondFactorRow,
        "SELECT sealed_secret, created_at, last_step, n_attempts, attempted_at FROM second_factors
         WHERE user_id = $1",
        user_id
    )
    .fetch_optional(executor)
    .await
}

/// Stores a new secret, which replaces one that was not confirmed.
pub async fn begin(
    connection: &mut PgConnection,
    user_id: i64,
    sealed_secret: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO second_factors (user_id, sealed_secret, created_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE
         SET sealed_secret = $2, created_at = $3, last_step = 0, n_attempts = 0, attempted_at = NULL",
        user_id,
        sealed_secret,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts an attempt, before its code is checked. Returns false if another attempt was counted
/// since `row` was read.
pub async fn count_attempt(
    pool: &PgPool,
    user_id: i64,
    row: &SecondFactorRow,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE second_factors SET n_attempts = n_attempts + 1, attempted_at = $3
         WHERE user_id = $1 AND n_attempts = $2",
        user_id,
        row.n_attempts,
        now,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Accepts the code of a step. Returns false if a code of this step or a later one was accepted
/// before.
pub async fn accept_step(pool: &PgPool, user_id: i64, step: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE second_factors SET last_step = $2, n_attempts = 0 WHERE user_id = $1 AND last_step < $2",
        user_id,
        step,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses up a recovery code. Returns whether it was valid.
pub async fn use_recovery_code(
    pool: &PgPool,
    user_id: i64,
    code_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
        user_id,
        &code_hash[..],
        now,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns the number of recovery codes that were not used.
pub async fn n_recovery_codes(executor: impl PgExecutor<'_>, user_id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL"#,
        user_id
    )
    .fetch_one(executor)
    .await
}

/// Replaces the recovery codes.
pub async fn set_recovery_codes(
    connection: &mut PgConnection,
    user_id: i64,
    code_hashes: &[Vec<u8>],
) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user_id).execute(&mut *connection).await?;
    sqlx::query!(
        "INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])",
        user_id,
        code_hashes
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Turns the second factor on, if the last accepted code is of this step. Returns false if the
/// secret was replaced since, or the second factor is on already.
pub async fn turn_on(connection: &mut PgConnection, user_id: i64, step: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE users SET has_second_factor = true, version = version + 1
         WHERE id = $1 AND NOT has_second_factor
           AND EXISTS (SELECT FROM second_factors WHERE user_id = $1 AND last_step = $2)",
        user_id,
        step,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Turns the second factor off and deletes the secret and the recovery codes. Returns whether it
/// was on.
pub async fn turn_off(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<bool> {
    sqlx::query!("DELETE FROM second_factors WHERE user_id = $1", user_id).execute(&mut *connection).await?;
    sqlx::query!("DELETE FROM recovery_codes WHERE user_id = $1", user_id).execute(&mut *connection).await?;
    let done = sqlx::query!(
        "UPDATE users SET has_second_factor = false, version = version + 1
         WHERE id = $1 AND has_second_factor",
        user_id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Returns all sealed secrets with the ids of their users.
pub async fn sealed_secrets(pool: &PgPool) -> sqlx::Result<Vec<(i64, Vec<u8>)>> {
    let rows = sqlx::query!("SELECT user_id, sealed_secret FROM second_factors").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.sealed_secret)).collect())
}

/// Replaces a sealed secret, unless it was replaced meanwhile.
pub async fn reseal(pool: &PgPool, user_id: i64, old: &[u8], new: &[u8]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE second_factors SET sealed_secret = $3 WHERE user_id = $1 AND sealed_secret = $2",
        user_id,
        old,
        new
    )
    .execute(pool)
    .await?;
    Ok(())
}
