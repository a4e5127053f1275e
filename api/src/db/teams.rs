//! Teams and their members over time, in Postgres. A current membership is a period without an end.
//!
//! Every change first locks the users that it names ([`lock_people_exclusive`]), then all teams
//! ([`lock_exclusive`]). Migration 0005 gives the reason for this order.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// The constraint that allows a lead one team.
pub const LEAD_UNIQUE: &str = "teams_lead_unique";
/// The constraint that allows a buyer one team at a time.
pub const ONE_TEAM: &str = "memberships_one_team_at_a_time";

/// The period of a membership, in Unix milliseconds, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberPeriod {
    pub user_id: i64,
    pub since_ms: i64,
    pub until_ms: i64,
}

/// A period of a membership of a known team, in Unix milliseconds, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeamPeriod {
    pub user_id: i64,
    pub team_id: i64,
    pub since_ms: i64,
    pub until_ms: i64,
}

/// A team with its current members, sorted by id.
#[derive(Debug, Clone, FromRow)]
pub struct TeamRow {
    pub id: i64,
    pub name: String,
    pub lead_id: Option<i64>,
    pub members: Vec<i64>,
    pub version: i64,
    pub archived_at: Option<DateTime<Utc>>,
}

/// A membership in the history of a team.
#[derive(Debug, Clone)]
pub struct MembershipRow {
    pub id: i64,
    pub user_id: i64,
    pub since: DateTime<Utc>,
    /// `None`: the user is still a member.
    pub until: Option<DateTime<Utc>>,
}

/// The facts that decide whether a user may lead or join a team.
#[derive(Debug, Clone)]
pub struct PersonRow {
    pub id: i64,
    pub position: String,
    pub is_active: bool,
    /// The user's current team.
    pub team_id: Option<i64>,
}

/// Lists all membership periods of a team. An open period ends in the year 2286.
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

/// Lists the membership periods of these users that touch a range. An open period ends in the year
/// 2286.
pub async fn periods_of(
    pool: &PgPool,
    users: &[i64],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> sqlx::Result<Vec<TeamPeriod>> {
    sqlx::query_as!(
        TeamPeriod,
        r#"SELECT user_id, team_id,
                floor(extract(epoch FROM lower(during)) * 1000)::bigint AS "since_ms!",
                coalesce(floor(extract(epoch FROM upper(during)) * 1000)::bigint, 9999999999999) AS "until_ms!"
         FROM memberships WHERE user_id = ANY ($1) AND during && tstzrange($2, $3, '[]')
         ORDER BY user_id, during"#,
        users,
        from,
        to,
    )
    .fetch_all(pool)
    .await
}

/// Filters of a list of teams.
#[derive(Debug, Clone)]
pub struct TeamFilter {
    /// The viewer may see only this team; 0 if the viewer has none.
    pub own: Option<i64>,
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
    pub lead: Option<i64>,
    /// A present member.
    pub member: Option<i64>,
    pub is_archived: bool,
}

pub const SORTING: Sorting = Sorting::new(
    "name",
    &[Key::number("teams.id")],
    &[
        Column::new("name", &[Key::text("name")]),
        Column::new("id", &[]),
        Column::new(
            "team_lead",
            &[Key::text("(SELECT username_key FROM users WHERE users.id = lead_id)").or_null()],
        ),
        Column::new(
            "members",
            &[Key::number(
                "(SELECT count(*) FROM memberships WHERE team_id = teams.id AND upper_inf(during))",
            )],
        ),
        Column::new("created_at", &[Key::time("teams.created_at")]),
        Column::new("archived_at", &[Key::time("teams.archived_at").or_null()]),
    ],
);

const COLUMNS: &str = "id, name, lead_id, version, archived_at,
    ARRAY(SELECT user_id FROM memberships
          WHERE team_id = teams.id AND upper_inf(during) ORDER BY user_id) AS members";

pub async fn list(pool: &PgPool, filter: &TeamFilter, order: &Order) -> sqlx::Result<Vec<Keyed<TeamRow>>> {
    ListQuery::new(order, COLUMNS, "teams")
        .archived("archived_at", filter.is_archived)
        .when("id = ?", filter.own)
        .for_each("name ILIKE ?", &filter.q)
        .when("lead_id = ?", filter.lead)
        .when(
            "id IN (SELECT team_id FROM memberships WHERE user_id = ? AND upper_inf(during))",
            filter.member,
        )
        .fetch(pool)
        .await
}

/// Finds a team that is not archived.
pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<TeamRow>> {
    ListQuery::one(COLUMNS, "teams")
        .archived("archived_at", false)
        .when("id = ?", Some(id))
        .fetch_one(executor)
        .await
}

/// Lists the memberships of a team, the latest to join first.
pub async fn history(
    pool: &PgPool,
    team_id: i64,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<MembershipRow>> {
    sqlx::query_as!(
        MembershipRow,
        r#"SELECT id, user_id, lower(during) AS "since!", upper(during) AS until
           FROM memberships WHERE team_id = $1 AND ($2::bigint IS NULL OR id < $2)
           ORDER BY id DESC LIMIT $3"#,
        team_id,
        before,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Locks the rows of these users (`FOR NO KEY UPDATE`), so that their position and state stay. Does
/// not wait for `users::lock_shared`, nor keep it waiting.
pub async fn lock_people_exclusive(connection: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", ids)
        .fetch_all(connection)
        .await?;
    Ok(())
}

/// Locks all teams against changes, which take [`lock_exclusive`].
pub async fn lock_shared(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT hold_teams()").fetch_one(connection).await?;
    Ok(())
}

/// Returns the id of the team that a user leads.
pub async fn led_by(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT id FROM teams WHERE lead_id = $1 AND archived_at IS NULL", user_id)
        .fetch_optional(connection)
        .await
}

/// Locks all teams for a change.
pub async fn lock_exclusive(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT lock_teams()").fetch_one(connection).await?;
    Ok(())
}

/// Loads these users. Call it under both locks.
pub async fn people(connection: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<PersonRow>> {
    sqlx::query_as!(
        PersonRow,
        r#"SELECT users.id AS "id!", position AS "position!", is_active AS "is_active!", team_id AS "team_id?"
           FROM users LEFT JOIN memberships ON user_id = users.id AND upper_inf(during)
           WHERE users.id = ANY($1)"#,
        ids
    )
    .fetch_all(connection)
    .await
}

/// Inserts a team without members and returns its id.
///
/// # Errors
/// A violation of [`LEAD_UNIQUE`].
pub async fn insert(connection: &mut PgConnection, name: &str, lead: Option<i64>) -> sqlx::Result<i64> {
    sqlx::query_scalar!("INSERT INTO teams (name, lead_id) VALUES ($1, $2) RETURNING id", name, lead)
        .fetch_one(connection)
        .await
}

/// # Errors
/// A violation of [`LEAD_UNIQUE`].
pub async fn update(
    connection: &mut PgConnection,
    id: i64,
    name: &str,
    lead: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE teams SET name = $2, lead_id = $3, version = version + 1 WHERE id = $1",
        id,
        name,
        lead
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds users to a team from now on.
///
/// # Errors
/// A violation of [`ONE_TEAM`].
pub async fn join(connection: &mut PgConnection, team_id: i64, joiners: &[i64]) -> sqlx::Result<()> {
    if joiners.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO memberships (team_id, user_id, during)
         SELECT $1, joiner, tstzrange(clock_timestamp(), NULL) FROM unnest($2::bigint[]) joiner",
        team_id,
        joiners
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the memberships of these users now.
pub async fn leave(connection: &mut PgConnection, team_id: i64, leavers: &[i64]) -> sqlx::Result<()> {
    if leavers.is_empty() {
        return Ok(());
    }
    sqlx::query!("SELECT end_memberships($1, $2)", team_id, leavers).execute(connection).await?;
    Ok(())
}

/// Removes a user from the team that they are in or lead, when their account ends. After a change
/// of position a trigger does the same (migration 0005).
pub async fn leave_all(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<()> {
    sqlx::query!("SELECT leave_teams($1)", user_id).execute(connection).await?;
    Ok(())
}

/// Hides a team from all lists. Its history stays, and its lead may lead another team.
pub async fn archive(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE teams SET archived_at = clock_timestamp(), version = version + 1 WHERE id = $1", id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Brings an archived team back, without members. A lead who is not a Team Lead any more, or was
/// deleted, does not lead it again. Returns false if there is no archived team with this id. Call
/// it under [`lock_exclusive`].
///
/// # Errors
/// A violation of [`LEAD_UNIQUE`].
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE teams
         SET archived_at = NULL, version = version + 1,
             lead_id = (SELECT users.id FROM users
                        WHERE users.id = lead_id AND position = 'Team Lead' AND users.archived_at IS NULL)
         WHERE id = $1 AND archived_at IS NOT NULL",
        id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
