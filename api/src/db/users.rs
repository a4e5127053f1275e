//! People in Postgres.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::{PgExecutor, PgPool};
use uuid::Uuid;

use crate::auth::viewer::Viewer;
use crate::policy::{Position, Scope};

/// The constraint that keeps usernames unique.
pub const USERNAME_UNIQUE: &str = "users_username_unique";

/// A viewer and whether they may view.
#[derive(Debug)]
pub struct FoundViewer {
    pub viewer: Viewer,
    pub is_active: bool,
    /// Whether the access token's family is neither revoked nor gone; true when none was asked for.
    pub is_family_standing: bool,
}

/// An account to be made. The password is hashed already.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub username: String,
    pub email: String,
    pub password_hash: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
    pub is_active: bool,
    pub is_demo: bool,
}

/// What a login needs.
#[derive(Debug)]
pub struct LoginRow {
    pub id: i64,
    pub username: String,
    pub password_hash: String,
    pub is_active: bool,
}

/// A line of the list of users.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UserRow {
    pub id: i64,
    pub username: String,
    pub username_key: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: String,
    pub is_active: bool,
    pub is_demo: bool,
    pub created_at: DateTime<Utc>,
    pub last_login: Option<DateTime<Utc>>,
}

/// Which users to list.
#[derive(Debug, Clone)]
pub struct UserFilter {
    pub scope: Scope,
    pub viewer_id: i64,
    pub team_id: Option<i64>,
    pub q: Option<String>,
    pub position: Option<Position>,
    pub is_descending: bool,
    /// The username key of the last user of the page before.
    pub after: Option<String>,
    pub limit: i64,
}

#[derive(sqlx::FromRow)]
struct ViewerRow {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    position: String,
    time_zone: String,
    is_active: bool,
    team_id: Option<i64>,
    team_name: Option<String>,
    is_family_standing: bool,
}

/// A username as it is compared: two that differ by case only are the same.
#[must_use]
pub fn username_key(username: &str) -> String {
    username.to_lowercase()
}

/// The person with this id, with their team of now.
///
/// # Errors
/// When Postgres fails, as everywhere in this file.
pub async fn find_viewer(pool: &PgPool, id: i64, family: Option<Uuid>) -> sqlx::Result<Option<FoundViewer>> {
    let row: Option<ViewerRow> = sqlx::query_as(
        "SELECT users.id, username, email, first_name, last_name, position, time_zone, is_active,
                team.id AS team_id, team.name AS team_name,
                $2::uuid IS NULL OR EXISTS (SELECT FROM token_families family
                    WHERE family.id = $2 AND family.user_id = users.id AND revoked_at IS NULL)
                    AS is_family_standing
         FROM users
         LEFT JOIN LATERAL (
             SELECT teams.id, teams.name FROM teams
             WHERE archived_at IS NULL AND (
                 (users.position = 'Team Lead' AND lead_id = users.id)
                 OR (users.position = 'Buyer' AND teams.id IN (
                     SELECT team_id FROM memberships WHERE user_id = users.id AND during @> now())))
             LIMIT 1
         ) team ON true
         WHERE users.id = $1",
    )
    .bind(id)
    .bind(family)
    .fetch_optional(pool)
    .await?;
    Ok(row.map(found_viewer))
}

fn found_viewer(row: ViewerRow) -> FoundViewer {
    FoundViewer {
        is_active: row.is_active,
        is_family_standing: row.is_family_standing,
        viewer: Viewer {
            id: row.id,
            username: row.username,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            // The database checks the words; the least position for one that this binary does not know yet.
            position: Position::parse(&row.position).unwrap_or(Position::Buyer),
            time_zone: row.time_zone.parse().unwrap_or(Tz::UTC),
            team: row.team_id.zip(row.team_name),
        },
    }
}

/// # Errors
/// When Postgres fails.
pub async fn find_login(pool: &PgPool, username: &str) -> sqlx::Result<Option<LoginRow>> {
    sqlx::query_as!(
        LoginRow,
        "SELECT id, username, password_hash, is_active FROM users WHERE username_key = $1",
        username_key(username)
    )
    .fetch_optional(pool)
    .await
}

/// # Errors
/// When Postgres fails.
pub async fn touch_last_login(pool: &PgPool, id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("UPDATE users SET last_login = $2 WHERE id = $1").bind(id).bind(now).execute(pool).await?;
    Ok(())
}

/// Makes an account and returns its id.
///
/// # Errors
/// A violation of [`USERNAME_UNIQUE`] when the name is taken.
pub async fn insert(executor: impl PgExecutor<'_>, user: &NewUser) -> sqlx::Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO users (username, username_key, email, password_hash, first_name, last_name, position,
                            is_active, is_demo)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
    )
    .bind(&user.username)
    .bind(username_key(&user.username))
    .bind(&user.email)
    .bind(&user.password_hash)
    .bind(&user.first_name)
    .bind(&user.last_name)
    .bind(user.position.as_str())
    .bind(user.is_active)
    .bind(user.is_demo)
    .fetch_one(executor)
    .await
}

const LIST_ASCENDING: &str = "
    SELECT id, username, username_key, email, first_name, last_name, position, is_active, is_demo, created_at,
           last_login
    FROM users
    WHERE ($1 OR id = $2 OR ($3::bigint IS NOT NULL AND id IN (
              SELECT user_id FROM memberships WHERE team_id = $3 AND during @> now())))
      AND ($4::text IS NULL OR username ILIKE $4 OR email ILIKE $4 OR first_name ILIKE $4 OR last_name ILIKE $4)
      AND ($5::text IS NULL OR position = $5)
      AND ($6::text IS NULL OR username_key > $6)
    ORDER BY username_key LIMIT $7";

const LIST_DESCENDING: &str = "
    SELECT id, username, username_key, email, first_name, last_name, position, is_active, is_demo, created_at,
           last_login
    FROM users
    WHERE ($1 OR id = $2 OR ($3::bigint IS NOT NULL AND id IN (
              SELECT user_id FROM memberships WHERE team_id = $3 AND during @> now())))
      AND ($4::text IS NULL OR username ILIKE $4 OR email ILIKE $4 OR first_name ILIKE $4 OR last_name ILIKE $4)
      AND ($5::text IS NULL OR position = $5)
      AND ($6::text IS NULL OR username_key < $6)
    ORDER BY username_key DESC LIMIT $7";

/// Users by username, within a scope.
///
/// # Errors
/// When Postgres fails.
pub async fn list(pool: &PgPool, filter: &UserFilter) -> sqlx::Result<Vec<UserRow>> {
    let team_id = filter.team_id.filter(|_| filter.scope == Scope::Team);
    sqlx::query_as(if filter.is_descending { LIST_DESCENDING } else { LIST_ASCENDING })
        .bind(filter.scope == Scope::All)
        .bind(filter.viewer_id)
        .bind(team_id)
        .bind(filter.q.as_deref().map(like_pattern))
        .bind(filter.position.map(Position::as_str))
        .bind(&filter.after)
        .bind(filter.limit)
        .fetch_all(pool)
        .await
}

/// A pattern that finds a text anywhere.
#[must_use]
pub fn like_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for ch in text.chars() {
        if matches!(ch, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(ch);
    }
    pattern.push('%');
    pattern
}

/// The usernames of these ids; those that nobody has are left out.
///
/// # Errors
/// When Postgres fails.
pub async fn usernames(pool: &PgPool, ids: &[i64]) -> sqlx::Result<HashMap<i64, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, username FROM users WHERE id = ANY($1)").bind(ids).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

/// # Errors
/// When Postgres fails.
pub async fn exists(pool: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE id = $1) AS "exists!""#, id)
        .fetch_one(pool)
        .await
}

/// # Errors
/// When Postgres fails.
pub async fn set_time_zone(pool: &PgPool, id: i64, zone: Tz) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET time_zone = $2 WHERE id = $1", id, zone.name()).execute(pool).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_is_taken_literally() {
        assert_eq!(like_pattern(r"a_b%c\"), r"%a\_b\%c\\%");
        assert_eq!(username_key("ÉMILE"), "émile");
    }
}
