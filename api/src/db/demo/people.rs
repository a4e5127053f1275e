//! The demo's users and teams.

use sqlx::{PgConnection, PgPool};

/// Returns the id of a username, and whether the user belongs to the demo.
pub async fn find_user(connection: &mut PgConnection, username: &str) -> sqlx::Result<Option<(i64, bool)>> {
    let found = sqlx::query!(
        "SELECT id, is_demo FROM users WHERE username_key = $1",
        crate::db::users::username_key(username)
    )
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|row| (row.id, row.is_demo)))
}

/// Lists the demo's teams, archived ones included, in the order of their creation.
pub async fn team_ids(connection: &mut PgConnection) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("SELECT id FROM teams WHERE is_demo ORDER BY id").fetch_all(connection).await
}

pub async fn insert_team(connection: &mut PgConnection, name: &str, lead: Option<i64>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO teams (name, lead_id, is_demo) VALUES ($1, $2, true) RETURNING id",
        name,
        lead
    )
    .fetch_one(connection)
    .await
}

/// Adds a buyer who never had a team to this one. The membership starts at the epoch, because the
/// demo's events are older than the demo.
pub async fn join(connection: &mut PgConnection, team_id: i64, user_id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO memberships (team_id, user_id, during)
         SELECT $1, $2, tstzrange('epoch', NULL)
         WHERE NOT EXISTS (SELECT FROM memberships WHERE user_id = $2)",
        team_id,
        user_id
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lists the demo's users, archived ones included.
pub async fn user_ids(pool: &PgPool) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!("SELECT id FROM users WHERE is_demo ORDER BY id").fetch_all(pool).await
}
