//! The users that a viewer may see: the list by username, and a single user.

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::db::{begin_with_custom_plans, like_pattern};
use crate::policy::{Position, Scope};
use crate::viewer::Viewer;

/// A user as lists and details show it.
#[derive(Debug, Clone)]
pub struct UserRow {
    pub id: i64,
    pub username: String,
    pub username_key: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: String,
    pub is_active: bool,
    pub awaits_approval: bool,
    pub is_demo: bool,
    pub time_zone: String,
    pub created_at: DateTime<Utc>,
    pub last_login: Option<DateTime<Utc>>,
    pub version: i64,
    pub has_image: bool,
    /// The team that a lead leads, or that a buyer is in now.
    pub team_id: Option<i64>,
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
    pub q: Option<String>,
    pub position: Option<Position>,
    pub is_active: Option<bool>,
    pub team_id: Option<i64>,
    pub is_descending: bool,
    /// The username key of the last user of the previous page.
    pub after: Option<String>,
    pub limit: i64,
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

/// Selects visible users. The list of literals completes the `WHERE` clause.
macro_rules! select {
    ([$($rest:literal),+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            UserRow,
            r#"SELECT users.id, username, username_key, email, first_name, last_name, position, is_active,
                      awaits_approval, is_demo, time_zone, created_at, last_login, version,
                      EXISTS (SELECT FROM user_images WHERE user_id = users.id) AS "has_image!",
                      CASE position
                          WHEN 'Team Lead' THEN (SELECT teams.id FROM teams
                              WHERE lead_id = users.id AND teams.archived_at IS NULL)
                          WHEN 'Buyer' THEN (SELECT team_id FROM memberships JOIN teams ON teams.id = team_id
                              WHERE user_id = users.id AND upper_inf(during) AND teams.archived_at IS NULL)
                      END AS team_id
               FROM users
               WHERE archived_at IS NULL
                 AND ($1 OR users.id = $2 OR ($3::bigint IS NOT NULL AND users.id IN (
                         SELECT user_id FROM memberships WHERE team_id = $3 AND upper_inf(during)))) AND "#
                $(+ $rest)+,
            $($argument),+
        )
    };
}

/// Lists users by username.
pub async fn list(pool: &PgPool, filter: &UserFilter) -> sqlx::Result<Vec<UserRow>> {
    let mut planned = begin_with_custom_plans(pool).await?;
    macro_rules! page {
        ($after:literal, $order:literal) => {
            select!(
                [
                    "($4::text IS NULL OR username ILIKE $4 OR email ILIKE $4 OR first_name ILIKE $4
                         OR last_name ILIKE $4)
                     AND ($5::text IS NULL OR position = $5)
                     AND ($6::boolean IS NULL OR is_active = $6)
                     AND ($7::bigint IS NULL OR users.id IN (
                         SELECT user_id FROM memberships WHERE team_id = $7 AND upper_inf(during)
                         UNION ALL SELECT lead_id FROM teams WHERE id = $7 AND teams.archived_at IS NULL))
                     AND ($8::text IS NULL OR ",
                    $after,
                    ") ORDER BY ",
                    $order,
                    " LIMIT $9"
                ],
                filter.visible.all,
                filter.visible.viewer_id,
                filter.visible.team_id,
                filter.q.as_deref().map(like_pattern),
                filter.position.map(Position::as_str),
                filter.is_active,
                filter.team_id,
                filter.after,
                filter.limit,
            )
            .fetch_all(&mut *planned)
            .await
        };
    }
    if filter.is_descending {
        page!("username_key < $8", "username_key DESC")
    } else {
        page!("username_key > $8", "username_key")
    }
}

/// Finds a user whom the viewer may see.
pub async fn find(executor: impl PgExecutor<'_>, id: i64, visible: Visible) -> sqlx::Result<Option<UserRow>> {
    select!(["users.id = $4"], visible.all, visible.viewer_id, visible.team_id, id)
        .fetch_optional(executor)
        .await
}
