//! People in Postgres: who they are to a login, a request and a name beside an event. `list.rs` has what is shown of them,
//! `change.rs` what is done to them.
//!
//! A user that was removed is archived: found by nothing but [`usernames`], which events' pages need.

mod change;
mod list;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

pub use self::change::{UserEdit, archive, replace_password, set_password, update};
pub use self::list::{UserFilter, UserRow, Visible, find, list};
use crate::auth::viewer::{Proof, Viewer};
use crate::policy::Position;

/// The constraint that keeps usernames unique.
pub const USERNAME_UNIQUE: &str = "users_username_unique";
/// The trigger that keeps the last active Owner.
pub const LAST_OWNER: &str = "users_last_owner";

/// A viewer and whether they may view.
#[derive(Debug)]
pub struct ViewerState {
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
pub async fn find_viewer(pool: &PgPool, id: i64, family: Option<Uuid>) -> sqlx::Result<Option<ViewerState>> {
    let row = sqlx::query_as!(
        ViewerRow,
        r#"SELECT users.id, username, email, first_name, last_name, position, time_zone, is_active,
                team.id AS "team_id?", team.name AS "team_name?",
                $2::uuid IS NULL OR EXISTS (SELECT FROM token_families family
                    WHERE family.id = $2 AND family.user_id = users.id AND revoked_at IS NULL)
                    AS "is_family_standing!"
         FROM users
         LEFT JOIN LATERAL (
             SELECT teams.id, teams.name FROM teams
             WHERE users.position = 'Team Lead' AND lead_id = users.id AND teams.archived_at IS NULL
             UNION ALL
             SELECT teams.id, teams.name FROM memberships JOIN teams ON teams.id = team_id
             WHERE users.position = 'Buyer' AND user_id = users.id AND during @> now()
               AND teams.archived_at IS NULL
             LIMIT 1
         ) team ON true
         WHERE users.id = $1 AND users.archived_at IS NULL"#,
        id,
        family,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(found_viewer))
}

fn found_viewer(row: ViewerRow) -> ViewerState {
    ViewerState {
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

pub async fn find_login(pool: &PgPool, username: &str) -> sqlx::Result<Option<LoginRow>> {
    sqlx::query_as!(
        LoginRow,
        "SELECT id, username, password_hash, is_active FROM users
         WHERE username_key = $1 AND archived_at IS NULL",
        username_key(username)
    )
    .fetch_optional(pool)
    .await
}

/// Whether the account is as it was when its password was found right; held until the transaction ends, so that a password
/// that is changed, or a person who is shut out, meanwhile ends the login that begins here too.
pub async fn lock_login_shared(connection: &mut PgConnection, login: &LoginRow) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "SELECT FROM users WHERE id = $1 AND is_active AND password_hash = $2 FOR SHARE",
        login.id,
        login.password_hash,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Takes these people's rows for a change alone, in the order of their ids.
pub async fn lock_exclusive(connection: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        .fetch_all(connection)
        .await?;
    Ok(())
}

/// Whether a person is active, and as what; held against who would end it until the transaction ends.
pub async fn lock_shared(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<(bool, String)>> {
    let row = sqlx::query!(
        "SELECT is_active, position FROM users WHERE id = $1 AND archived_at IS NULL FOR KEY SHARE",
        id
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.is_active, row.position)))
}

/// Whether what a person proved themselves with has not been taken back.
pub async fn is_standing(connection: &mut PgConnection, id: i64, proof: Proof) -> sqlx::Result<bool> {
    let (login, api_token) = (proof.login(), proof.api_token());
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM sessions WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL)
               OR EXISTS (SELECT FROM token_families WHERE id = $2 AND user_id = $1 AND revoked_at IS NULL)
               OR EXISTS (SELECT FROM api_tokens WHERE id = $3 AND user_id = $1 AND revoked_at IS NULL) AS "stands!""#,
        id,
        login,
        api_token,
    )
    .fetch_one(connection)
    .await
}

pub async fn touch_last_login(
    executor: impl PgExecutor<'_>,
    id: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("UPDATE users SET last_login = $2 WHERE id = $1", id, now).execute(executor).await?;
    Ok(())
}

/// Makes an account and returns its id. One that is not active from its start awaits an Owner's approval.
///
/// # Errors
/// A violation of [`USERNAME_UNIQUE`] when the name is taken.
pub async fn insert(executor: impl PgExecutor<'_>, user: &NewUser) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO users (username, username_key, email, password_hash, first_name, last_name, position,
                            is_active, awaits_approval, is_demo)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NOT $8, $9) RETURNING id",
        user.username,
        username_key(&user.username),
        user.email,
        user.password_hash,
        user.first_name,
        user.last_name,
        user.position.as_str(),
        user.is_active,
        user.is_demo,
    )
    .fetch_one(executor)
    .await
}

/// The usernames of these ids; those that nobody has are left out.
pub async fn usernames(pool: &PgPool, ids: &[i64]) -> sqlx::Result<HashMap<i64, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!("SELECT id, username FROM users WHERE id = ANY($1)", ids).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.username)).collect())
}

pub async fn exists(pool: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE id = $1 AND archived_at IS NULL) AS "exists!""#,
        id
    )
    .fetch_one(pool)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_lower_case() {
        assert_eq!(username_key("ÉMILE"), "émile");
    }
}
