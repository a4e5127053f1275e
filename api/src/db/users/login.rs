//! People as a login, a request and a name beside an event need them.

use crate::time_zone::TimeZone;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};
use uuid::Uuid;

use super::username::{former_key, username_key};
use crate::policy::Position;
use crate::preferences::Preferences;
use crate::viewer::{Credential, Viewer};

/// The constraint that keeps usernames unique.
pub const USERNAME_UNIQUE: &str = "users_username_unique";
/// The trigger that protects the last active Owner.
pub const LAST_OWNER: &str = "users_last_owner";

/// A viewer, and whether the account and the login are still valid.
#[derive(Debug)]
pub struct ViewerState {
    pub viewer: Viewer,
    pub is_active: bool,
    /// Whether the access token's family exists and is not revoked; true if no family was given.
    pub is_family_valid: bool,
}

/// An account to insert.
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

/// The columns that a login needs.
#[derive(Debug)]
pub struct LoginRow {
    pub id: i64,
    pub username: String,
    pub password_hash: String,
    pub is_active: bool,
    /// Whether a login also needs a code.
    pub has_second_factor: bool,
}

struct ViewerRow {
    id: i64,
    username: String,
    email: String,
    first_name: String,
    last_name: String,
    position: String,
    time_zone: String,
    week_start: String,
    theme: String,
    shortcuts: bool,
    report_currency: String,
    is_active: bool,
    team_id: Option<i64>,
    team_name: Option<String>,
    is_family_standing: bool,
}

/// Finds a user with their current team.
pub async fn find_viewer(pool: &PgPool, id: i64, family: Option<Uuid>) -> sqlx::Result<Option<ViewerState>> {
    let row = sqlx::query_as!(
        ViewerRow,
        r#"SELECT users.id, username, email, first_name, last_name, position, time_zone, week_start, theme,
                shortcuts, report_currency, is_active,
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
    Ok(row.map(viewer_state))
}

fn viewer_state(row: ViewerRow) -> ViewerState {
    ViewerState {
        is_active: row.is_active,
        is_family_valid: row.is_family_standing,
        viewer: Viewer {
            id: row.id,
            username: row.username,
            email: row.email,
            first_name: row.first_name,
            last_name: row.last_name,
            // A position that this binary does not know yet gets the fewest permissions.
            position: Position::parse(&row.position).unwrap_or(Position::Buyer),
            time_zone: TimeZone::find(&row.time_zone).unwrap_or(TimeZone::UTC),
            preferences: Preferences::of_words(
                &row.week_start,
                &row.theme,
                row.shortcuts,
                &row.report_currency,
            ),
            team: row.team_id.zip(row.team_name),
        },
    }
}

/// Finds an account by its name in any case and any form of its letters. An account with the key of
/// an earlier version is found by that first.
pub async fn find_login(pool: &PgPool, username: &str) -> sqlx::Result<Option<LoginRow>> {
    sqlx::query_as!(
        LoginRow,
        "SELECT id, username, password_hash, is_active, has_second_factor FROM users
         WHERE username_key IN ($1, $2) AND archived_at IS NULL
         ORDER BY username_key = $2 DESC LIMIT 1",
        username_key(username),
        former_key(username),
    )
    .fetch_optional(pool)
    .await
}

/// Locks the account (`FOR SHARE`) and returns whether it is still active with the password that
/// was checked, and needs no other factor than then. A concurrent change of these waits for the
/// lock and then also ends the login that begins here.
pub async fn lock_login_shared(connection: &mut PgConnection, login: &LoginRow) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "SELECT FROM users WHERE id = $1 AND is_active AND password_hash = $2 AND has_second_factor = $3 FOR SHARE",
        login.id,
        login.password_hash,
        login.has_second_factor,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Returns whether a login of this user needs a code.
pub async fn has_second_factor(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!("SELECT has_second_factor FROM users WHERE id = $1", id);
    Ok(found.fetch_optional(connection).await?.unwrap_or(false))
}

/// Locks these users' rows (`FOR UPDATE`) in the order of their ids.
pub async fn lock_exclusive(connection: &mut PgConnection, ids: &[i64]) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR UPDATE", ids)
        .fetch_all(connection)
        .await?;
    Ok(())
}

/// Locks a user's row (`FOR KEY SHARE`) and returns whether the user is active, and the position.
/// Code that ends a user's access takes [`lock_exclusive`] and so waits for this lock.
pub async fn lock_shared(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<(bool, String)>> {
    let row = sqlx::query!(
        "SELECT is_active, position FROM users WHERE id = $1 AND archived_at IS NULL FOR KEY SHARE",
        id
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.is_active, row.position)))
}

/// Returns whether the session, token family or API token of a request is not revoked.
pub async fn is_credential_valid(
    connection: &mut PgConnection,
    id: i64,
    credential: Credential,
) -> sqlx::Result<bool> {
    let (login, api_token) = (credential.login(), credential.api_token());
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

/// Inserts an account and returns its id. An inactive account awaits an Owner's approval.
///
/// # Errors
/// A violation of [`USERNAME_UNIQUE`].
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

pub async fn exists(pool: &PgPool, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE id = $1 AND archived_at IS NULL) AS "exists!""#,
        id
    )
    .fetch_one(pool)
    .await
}
