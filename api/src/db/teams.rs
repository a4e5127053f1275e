//! Teams and their members over time, in Postgres.

use sqlx::PgPool;

/// A time in which somebody was in a team, in Unix milliseconds, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPeriod {
    pub user_id: i64,
    pub since_ms: i64,
    pub until_ms: i64,
}

/// All periods of a team. An open one ends in the year 2286.
///
/// # Errors
/// When Postgres fails.
pub async fn member_periods(pool: &PgPool, team_id: i64) -> sqlx::Result<Vec<MemberPeriod>> {
    sqlx::query_as!(
        MemberPeriod,
        r#"SELECT user_id,
                floor(extract(epoch FROM lower(during)) * 1000)::bigint AS "since_ms!",
                coalesce(floor(extract(epoch FROM upper(during)) * 1000)::bigint, 9999999999999) AS "until_ms!"
         FROM memberships WHERE team_id = $1 ORDER BY user_id, during"#,
        team_id,
    )
    .fetch_all(pool)
    .await
}
