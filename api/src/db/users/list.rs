//! The users that a viewer may see: a list, and a single user.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};
use crate::policy::{Position, Scope};
use crate::preferences::Preferences;
use crate::viewer::Viewer;

/// A user as lists and details show it.
#[derive(Debug, Clone, FromRow)]
pub struct UserRow {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: String,
    pub is_active: bool,
    pub awaits_approval: bool,
    pub is_demo: bool,
    pub time_zone: String,
    pub week_start: String,
    pub theme: String,
    pub shortcuts: bool,
    pub report_currency: String,
    pub has_second_factor: bool,
    pub created_at: DateTime<Utc>,
    pub last_login: Option<DateTime<Utc>>,
    pub archived_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub has_image: bool,
    /// The team that a lead leads, or that a buyer is in now.
    pub team_id: Option<i64>,
}

impl UserRow {
    /// Returns the preferences. A word that this binary does not know yet becomes the default.
    #[must_use]
    pub fn preferences(&self) -> Preferences {
        Preferences::of_words(&self.week_start, &self.theme, self.shortcuts, &self.report_currency)
    }
}

/// The users that a query may return.
#[derive(Debug, Clone, Copy)]
pub struct Visible {
    all: bool,
    viewer_id: i64,
    team_id: Option<i64>,
}

/// Filters of a list of users.
#[derive(Debug, Clone)]
pub struct UserFilter {
    pub visible: Visible,
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
    pub position: Option<Position>,
    pub is_active: Option<bool>,
    pub awaits_approval: Option<bool>,
    pub team_id: Option<i64>,
    pub is_archived: bool,
}

impl Visible {
    /// All users.
    pub const ALL: Self = Self { all: true, viewer_id: 0, team_id: None };

    /// Resolves the policy's scope for this viewer.
    #[must_use]
    pub fn of(viewer: &Viewer, scope: Scope) -> Self {
        let team_id = viewer.team.as_ref().map(|(id, _)| *id).filter(|_| scope == Scope::Team);
        Self { all: scope == Scope::All, viewer_id: viewer.id, team_id }
    }

    /// Returns whether all users are visible.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Returns the viewer, who is always visible.
    #[must_use]
    pub fn viewer_id(&self) -> i64 {
        self.viewer_id
    }

    /// Returns the team whose present members are visible.
    #[must_use]
    pub fn team_id(&self) -> Option<i64> {
        self.team_id
    }
}

pub const SORTING: Sorting = Sorting::new(
    "username",
    &[Key::number("users.id")],
    &[
        Column::new("username", &[Key::text("username_key")]),
        Column::new("id", &[]),
        Column::new("email", &[Key::text("lower(email)")]),
        Column::new("first_name", &[Key::text("lower(first_name)")]),
        Column::new("last_name", &[Key::text("lower(last_name)")]),
        Column::new("position", &[Key::text("position")]),
        Column::new("is_active", &[Key::flag("is_active")]),
        Column::new("awaits_approval", &[Key::flag("awaits_approval")]),
        Column::new(
            "team_id",
            &[Key::text(
                "CASE position
                     WHEN 'Team Lead' THEN (SELECT lower(name) FROM teams
                         WHERE lead_id = users.id AND teams.archived_at IS NULL)
                     WHEN 'Buyer' THEN (SELECT lower(name) FROM memberships JOIN teams ON teams.id = team_id
                         WHERE user_id = users.id AND upper_inf(during) AND teams.archived_at IS NULL)
                 END",
            )
            .or_null()],
        ),
        Column::new("created_at", &[Key::time("users.created_at")]),
        Column::new("last_login", &[Key::time("last_login").or_null()]),
        Column::new("archived_at", &[Key::time("users.archived_at").or_null()]),
    ],
);

const COLUMNS: &str =
    "users.id, username, email, first_name, last_name, position, is_active, awaits_approval,
    is_demo, time_zone, week_start, theme, shortcuts, report_currency, has_second_factor, created_at,
    last_login, archived_at, version,
    EXISTS (SELECT FROM user_images WHERE user_id = users.id) AS has_image,
    CASE position
        WHEN 'Team Lead' THEN (SELECT teams.id FROM teams
            WHERE lead_id = users.id AND teams.archived_at IS NULL)
        WHEN 'Buyer' THEN (SELECT team_id FROM memberships JOIN teams ON teams.id = team_id
            WHERE user_id = users.id AND upper_inf(during) AND teams.archived_at IS NULL)
    END AS team_id";

impl Visible {
    fn limit(self, query: ListQuery<'_>) -> ListQuery<'_> {
        if self.all {
            return query;
        }
        let query = query.sql(" AND (users.id = ").bind(self.viewer_id);
        query
            .sql(" OR users.id IN (SELECT user_id FROM memberships WHERE team_id = ")
            .bind(self.team_id)
            .sql(" AND upper_inf(during)))")
    }
}

pub async fn list(pool: &PgPool, filter: &UserFilter, order: &Order) -> sqlx::Result<Vec<Keyed<UserRow>>> {
    let query = ListQuery::new(order, COLUMNS, "users").archived("users.archived_at", filter.is_archived);
    let query = filter.visible.limit(query);
    query
        .for_each("username ILIKE ? OR email ILIKE ? OR first_name ILIKE ? OR last_name ILIKE ?", &filter.q)
        .when("position = ?", filter.position.map(Position::as_str))
        .when("is_active = ?", filter.is_active)
        .when("awaits_approval = ?", filter.awaits_approval)
        .when(
            "users.id IN (
                 SELECT user_id FROM memberships WHERE team_id = ? AND upper_inf(during)
                 UNION ALL SELECT lead_id FROM teams WHERE id = ? AND teams.archived_at IS NULL)",
            filter.team_id,
        )
        .fetch(pool)
        .await
}

/// Finds a user whom the viewer may see.
pub async fn find(executor: impl PgExecutor<'_>, id: i64, visible: Visible) -> sqlx::Result<Option<UserRow>> {
    let query = ListQuery::one(COLUMNS, "users").archived("users.archived_at", false);
    visible.limit(query).when("users.id = ?", Some(id)).fetch_one(executor).await
}
