//! Registrations by time, and teams with their number of members.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::db::users::Visible;

/// Users of a position who registered between two edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationRow {
    pub position: String,
    /// Number of the last edge before, from 1.
    pub slot: i32,
    pub n_users: i64,
}

/// A team of the chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamBarRow {
    pub id: i64,
    pub name: String,
    pub is_archived: bool,
    pub n_members: i64,
}

/// Counts the visible Team Leads and Buyers by the time of their registration, up to a moment. The
/// edges are starts, in order.
pub async fn registrations(
    pool: &PgPool,
    visible: Visible,
    edges: &[DateTime<Utc>],
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<RegistrationRow>> {
    let from = edges.first().copied().unwrap_or(until);
    sqlx::query_as!(
        RegistrationRow,
        r#"SELECT position, width_bucket(created_at, $1::timestamptz[]) AS "slot!", count(*) AS "n_users!"
           FROM users
           WHERE archived_at IS NULL AND position IN ('Team Lead', 'Buyer')
             AND created_at >= $2 AND created_at <= $3
             AND ($4 OR id = $5 OR ($6::bigint IS NOT NULL AND id IN (
                     SELECT user_id FROM memberships WHERE team_id = $6 AND upper_inf(during))))
           GROUP BY 1, 2 ORDER BY 1, 2"#,
        edges,
        from,
        until,
        visible.is_all(),
        visible.viewer_id(),
        visible.team_id(),
    )
    .fetch_all(pool)
    .await
}

/// Returns the time of the first registration.
pub async fn first_registration(pool: &PgPool) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("SELECT min(created_at) FROM users").fetch_one(pool).await
}

/// Lists the teams that are not archived, and the archived ones among `also`, by name. `only`
/// limits the list to one team.
pub async fn teams(
    pool: &PgPool,
    only: Option<i64>,
    also: &[i64],
    limit: i64,
) -> sqlx::Result<Vec<TeamBarRow>> {
    sqlx::query_as!(
        TeamBarRow,
        r#"SELECT id, name, archived_at IS NOT NULL AS "is_archived!",
                  (SELECT count(*) FROM memberships WHERE team_id = teams.id AND upper_inf(during)) AS "n_members!"
           FROM teams
           WHERE (archived_at IS NULL OR id = ANY ($2)) AND ($1::bigint IS NULL OR id = $1)
           ORDER BY name, id LIMIT $3"#,
        only,
        also,
        limit,
    )
    .fetch_all(pool)
    .await
}
