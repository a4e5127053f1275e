//! Monthly budgets of teams in Postgres.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};

/// Constraints that a request can violate.
pub const ONE_A_MONTH: &str = "fund_budgets_one_a_month";
pub const KEPT: &str = "fund_budgets_kept";

/// A team's budget and the part of it that is reserved.
#[derive(Debug, Clone)]
pub struct BudgetRow {
    pub id: i64,
    pub team_id: i64,
    pub month: NaiveDate,
    pub amount_minor: i64,
    pub currency: String,
    pub used_minor: i64,
    pub version: i64,
}

/// The columns of a budget to insert or update.
#[derive(Debug, Clone, Copy)]
pub struct BudgetValues {
    pub team_id: i64,
    pub month: NaiveDate,
    pub amount_minor: i64,
    pub currency: &'static str,
}

/// Filters of a list of budgets.
#[derive(Debug, Clone, Copy)]
pub struct BudgetFilter {
    /// `None`: any team.
    pub team_id: Option<i64>,
    pub month: Option<NaiveDate>,
    pub after: Option<(NaiveDate, i64)>,
    pub limit: i64,
}

/// Lists budgets, the latest month first.
pub async fn list(pool: &PgPool, filter: &BudgetFilter) -> sqlx::Result<Vec<BudgetRow>> {
    let (after_month, after_id) = filter.after.unzip();
    sqlx::query_as!(
        BudgetRow,
        "SELECT id, team_id, month, amount_minor, currency, used_minor, version FROM fund_budgets
         WHERE ($1::bigint IS NULL OR team_id = $1) AND ($2::date IS NULL OR month = $2)
           AND ($3::date IS NULL OR (month, id) < ($3, $4))
         ORDER BY month DESC, id DESC LIMIT $5",
        filter.team_id,
        filter.month,
        after_month,
        after_id,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

pub async fn find(pool: &PgPool, id: i64, team_id: Option<i64>) -> sqlx::Result<Option<BudgetRow>> {
    sqlx::query_as!(
        BudgetRow,
        "SELECT id, team_id, month, amount_minor, currency, used_minor, version FROM fund_budgets
         WHERE id = $1 AND ($2::bigint IS NULL OR team_id = $2)",
        id,
        team_id,
    )
    .fetch_optional(pool)
    .await
}

pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<BudgetRow>> {
    sqlx::query_as!(
        BudgetRow,
        "SELECT id, team_id, month, amount_minor, currency, used_minor, version FROM fund_budgets
         WHERE id = $1 FOR UPDATE",
        id
    )
    .fetch_optional(connection)
    .await
}

/// Finds and locks the budget of a month for the team that a buyer is in now. Concurrent approvals
/// wait.
pub async fn lock_exclusive_of_buyer(
    connection: &mut PgConnection,
    buyer_id: i64,
    month: NaiveDate,
) -> sqlx::Result<Option<BudgetRow>> {
    sqlx::query_as!(
        BudgetRow,
        "SELECT id, team_id, month, amount_minor, currency, used_minor, version FROM fund_budgets
         WHERE month = $2
           AND team_id = (SELECT team_id FROM memberships WHERE user_id = $1 AND upper_inf(during) LIMIT 1)
         FOR UPDATE",
        buyer_id,
        month,
    )
    .fetch_optional(connection)
    .await
}

/// # Errors
/// A violation of [`ONE_A_MONTH`].
pub async fn insert(
    connection: &mut PgConnection,
    new: &BudgetValues,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO fund_budgets (team_id, month, amount_minor, currency, created_at)
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
        new.team_id,
        new.month,
        new.amount_minor,
        new.currency,
        now,
    )
    .fetch_one(connection)
    .await
}

/// # Errors
/// A violation of [`ONE_A_MONTH`] or [`KEPT`].
pub async fn update(connection: &mut PgConnection, id: i64, new: &BudgetValues) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fund_budgets
         SET team_id = $2, month = $3, amount_minor = $4, currency = $5, version = version + 1 WHERE id = $1",
        id,
        new.team_id,
        new.month,
        new.amount_minor,
        new.currency,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Reserves a part of a budget for an approved request.
///
/// # Errors
/// A violation of [`KEPT`] when less than that is left.
pub async fn reserve(connection: &mut PgConnection, id: i64, minor: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fund_budgets SET used_minor = used_minor + $2, version = version + 1 WHERE id = $1",
        id,
        minor
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives back what was reserved for a request.
pub async fn release(connection: &mut PgConnection, id: i64, minor: i64) -> sqlx::Result<()> {
    reserve(connection, id, -minor).await
}

pub async fn delete(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM fund_budgets WHERE id = $1", id).execute(connection).await?;
    Ok(())
}

/// Returns whether a team exists and is not archived.
pub async fn is_team(connection: &mut PgConnection, team_id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM teams WHERE id = $1 AND archived_at IS NULL) AS "exists!""#,
        team_id
    )
    .fetch_one(connection)
    .await
}
