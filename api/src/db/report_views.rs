//! Saved reports in Postgres.

use sqlx::{PgConnection, PgExecutor, PgPool};

/// The constraint that refuses a name if the user has another report with it.
pub const NAME_UNIQUE: &str = "report_views_name";

/// A saved report, as its viewer sees it.
#[derive(Debug, Clone)]
pub struct ReportViewRow {
    pub id: i64,
    pub user_id: i64,
    /// The name of its user.
    pub username: String,
    pub name: String,
    pub query: String,
    pub is_published: bool,
    pub version: i64,
    /// Whether it is the viewer's start.
    pub is_starred: bool,
}

/// A saved report to insert, or the new values of one.
#[derive(Debug)]
pub struct NewReportView {
    pub name: String,
    pub query: String,
    pub is_published: bool,
}

/// Lists a user's own reports and those that were published, by name.
pub async fn list(pool: &PgPool, user_id: i64) -> sqlx::Result<Vec<ReportViewRow>> {
    sqlx::query_as!(
        ReportViewRow,
        r#"SELECT v.id, v.user_id, u.username, v.name, v.query, v.is_published, v.version,
               EXISTS (SELECT FROM starred_report_views s WHERE s.user_id = $1 AND s.view_id = v.id) AS "is_starred!"
           FROM report_views v JOIN users u ON u.id = v.user_id
           WHERE v.user_id = $1 OR v.is_published ORDER BY lower(v.name), v.id"#,
        user_id,
    )
    .fetch_all(pool)
    .await
}

/// Finds a report that the user may see.
pub async fn find(
    executor: impl PgExecutor<'_>,
    user_id: i64,
    id: i64,
) -> sqlx::Result<Option<ReportViewRow>> {
    sqlx::query_as!(
        ReportViewRow,
        r#"SELECT v.id, v.user_id, u.username, v.name, v.query, v.is_published, v.version,
               EXISTS (SELECT FROM starred_report_views s WHERE s.user_id = $1 AND s.view_id = v.id) AS "is_starred!"
           FROM report_views v JOIN users u ON u.id = v.user_id
           WHERE v.id = $2 AND (v.user_id = $1 OR v.is_published)"#,
        user_id,
        id,
    )
    .fetch_optional(executor)
    .await
}

/// Finds a report that the user may see, and locks it.
pub async fn lock(
    connection: &mut PgConnection,
    user_id: i64,
    id: i64,
) -> sqlx::Result<Option<ReportViewRow>> {
    sqlx::query!("SELECT FROM report_views WHERE id = $1 FOR UPDATE", id).execute(&mut *connection).await?;
    find(connection, user_id, id).await
}

/// Counts a user's own reports. The lock on the user keeps the count true.
pub async fn count_locking(connection: &mut PgConnection, user_id: i64) -> sqlx::Result<i64> {
    sqlx::query!("SELECT FROM users WHERE id = $1 FOR UPDATE", user_id).execute(&mut *connection).await?;
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM report_views WHERE user_id = $1"#, user_id)
        .fetch_one(connection)
        .await
}

pub async fn insert(connection: &mut PgConnection, user_id: i64, new: &NewReportView) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO report_views (user_id, name, query, is_published) VALUES ($1, $2, $3, $4) RETURNING id",
        user_id,
        new.name,
        new.query,
        new.is_published,
    )
    .fetch_one(connection)
    .await
}

pub async fn update(connection: &mut PgConnection, id: i64, new: &NewReportView) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE report_views SET name = $2, query = $3, is_published = $4, version = version + 1 WHERE id = $1",
        id,
        new.name,
        new.query,
        new.is_published,
    )
    .execute(connection)
    .await
    .map(|_| ())
}

pub async fn delete(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM report_views WHERE id = $1", id).execute(connection).await.map(|_| ())
}

/// Makes a report the user's start, or no report.
pub async fn star(connection: &mut PgConnection, user_id: i64, id: Option<i64>) -> sqlx::Result<()> {
    match id {
        Some(id) => sqlx::query!(
            "INSERT INTO starred_report_views (user_id, view_id) VALUES ($1, $2)
             ON CONFLICT (user_id) DO UPDATE SET view_id = excluded.view_id",
            user_id,
            id,
        )
        .execute(connection)
        .await
        .map(|_| ()),
        None => sqlx::query!("DELETE FROM starred_report_views WHERE user_id = $1", user_id)
            .execute(connection)
            .await
            .map(|_| ()),
    }
}
