//! Monthly budgets of teams in Postgres.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// Constraints that a request can violate.
pub const ONE_A_MONTH: &str = "fund_budgets_one_a_month";
pub const KEPT: &str = "fund_budgets_kept";

/// A team's budget and the part of it that is reserved.
#[derive(Debug, Clone, FromRow)]
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
}

pub const SORTING: Sorting = Sorting::new(
    "-month",
    &[Key::number("id")],
    &[
        Column::new("month", &[Key::day("month")]),
        Column::new("id", &[]),
        Column::new("team_id", &[Key::text("(SELECT lower(name) FROM teams WHERE teams.id = team_id)")]),
        Column::new("currency", &[Key::text("currency")]),
        Column::new("amount", &[Key::text("currency"), Key::number("amount_minor")]),
        Column::new("used", &[Key::text("currency"), Key::number("used_minor")]),
        Column::new("left", &[Key::text("currency"), Key::number("(amount_minor - used_minor)")]),
    ],
);

const COLUMNS: &str = "id, team_id, month, amount_minor, currency, used_minor, version";

pub async fn list(
    pool: &PgPool,
    filter: &BudgetFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<BudgetRow>>> {
    ListQuery::new(order, COLUMNS, "fund_budgets")
        .when("team_id = ?", filter.team_id)
        .when("month = ?", filter.month)
        .fetch(pool)
        .await
}

/// Finds the budget of a team for a month.
pub async fn of_month(pool: &PgPool, team_id: i64, month: NaiveDate) -> sqlx::Result<Option<BudgetRow>> {
    ListQuery::one(COLUMNS, "fund_budgets")
        .when("team_id = ?", Some(team_id))
        .when("month = ?", Some(month))
        .fetch_one(pool)
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
