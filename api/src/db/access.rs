//! The active logins and API tokens of all users.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgExecutor, PgPool};
use uuid::Uuid;

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// A login of a browser or a program.
#[derive(Debug, FromRow)]
pub struct LoginRow {
    pub id: Uuid,
    /// `browser` or `api`.
    pub kind: String,
    pub user_id: i64,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub address: String,
    pub agent: String,
}

/// An API token.
#[derive(Debug, FromRow)]
pub struct TokenRow {
    pub id: i64,
    pub user_id: i64,
    pub name: String,
    pub hint: String,
    pub scopes: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Filters of both lists. `None` matches every row.
#[derive(Debug, Clone)]
pub struct AccessFilter {
    /// Those that have not expired at this time.
    pub now: DateTime<Utc>,
    pub user_id: Option<i64>,
    /// Only of logins.
    pub kind: Option<&'static str>,
    /// The time of the beginning; both ends are included.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
}

pub const LOGIN_SORTING: Sorting = Sorting::new(
    "-created_at",
    &[Key::text("login.id::text")],
    &[
        Column::new("created_at", &[Key::time("login.created_at")]),
        Column::new("last_seen_at", &[Key::time("login.last_seen_at")]),
        Column::new("expires_at", &[Key::time("login.expires_at")]),
        Column::new("user_id", &[Key::text("lower(username)")]),
        Column::new("kind", &[Key::text("login.kind")]),
        Column::new("address", &[Key::text("login.address")]),
        Column::new("agent", &[Key::text("login.agent")]),
    ],
);

const LOGIN_COLUMNS: &str = "login.id, login.kind, login.user_id, login.created_at, login.last_seen_at, \
                             login.expires_at, login.address, login.agent";
const LOGINS: &str = "(
    SELECT id, 'browser' AS kind, user_id, created_at, coalesce(last_seen_at, created_at) AS last_seen_at,
           expires_at, address, agent
    FROM sessions WHERE revoked_at IS NULL
    UNION ALL
    SELECT family.id, 'api', family.user_id, family.created_at, newest.created_at, newest.expires_at,
           family.address, family.agent
    FROM token_families family
    CROSS JOIN LATERAL (
        SELECT refresh.created_at, refresh.expires_at FROM refresh_tokens refresh
        WHERE refresh.family_id = family.id ORDER BY refresh.created_at DESC LIMIT 1
    ) newest
    WHERE family.revoked_at IS NULL
) login JOIN users ON users.id = login.user_id";

pub const TOKEN_SORTING: Sorting = Sorting::new(
    "-created_at",
    &[Key::number("token.id")],
    &[
        Column::new("created_at", &[Key::time("token.created_at")]),
        Column::new("expires_at", &[Key::time("token.expires_at")]),
        Column::new("last_used_at", &[Key::time("token.last_used_at").or_null()]),
        Column::new("name", &[Key::text("lower(token.name)")]),
        Column::new("user_id", &[Key::text("lower(username)")]),
    ],
);

const TOKEN_COLUMNS: &str = "token.id, token.user_id, token.name, token.hint, token.scopes, token.created_at, \
                             token.expires_at, token.last_used_at";
const TOKENS: &str = "api_tokens token JOIN users ON users.id = token.user_id";

/// Lists logins.
pub async fn list(pool: &PgPool, filter: &AccessFilter, order: &Order) -> sqlx::Result<Vec<Keyed<LoginRow>>> {
    ListQuery::new(order, LOGIN_COLUMNS, LOGINS)
        .when("login.expires_at > ?", Some(filter.now))
        .when("login.user_id = ?", filter.user_id)
        .when("login.kind = ?", filter.kind)
        .when("login.created_at >= ?", Some(filter.from))
        .when("login.created_at <= ?", Some(filter.to))
        .for_each("username ILIKE ? OR login.address ILIKE ? OR login.agent ILIKE ?", &filter.q)
        .fetch(pool)
        .await
}

/// Finds a login.
pub async fn find(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<LoginRow>> {
    ListQuery::one(LOGIN_COLUMNS, LOGINS)
        .when("login.id = ?", Some(id))
        .when("login.expires_at > ?", Some(now))
        .fetch_one(executor)
        .await
}

/// Lists API tokens.
pub async fn list_tokens(
    pool: &PgPool,
    filter: &AccessFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<TokenRow>>> {
    ListQuery::new(order, TOKEN_COLUMNS, TOKENS)
        .sql(" AND token.revoked_at IS NULL")
        .when("token.expires_at > ?", Some(filter.now))
        .when("token.user_id = ?", filter.user_id)
        .when("token.created_at >= ?", Some(filter.from))
        .when("token.created_at <= ?", Some(filter.to))
        .for_each("username ILIKE ? OR token.name ILIKE ? OR token.hint ILIKE ?", &filter.q)
        .fetch(pool)
        .await
}

/// Finds an API token.
pub async fn find_token(
    executor: impl PgExecutor<'_>,
    id: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<TokenRow>> {
    ListQuery::one(TOKEN_COLUMNS, TOKENS)
        .sql(" AND token.revoked_at IS NULL")
        .when("token.id = ?", Some(id))
        .when("token.expires_at > ?", Some(now))
        .fetch_one(executor)
        .await
}
