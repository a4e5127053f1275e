//! Buyers' requests for money, in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// A request and its decision.
#[derive(Debug, Clone, FromRow)]
pub struct RequestRow {
    pub id: i64,
    pub fund_account_id: i64,
    pub buyer_id: i64,
    pub amount_minor: i64,
    pub currency: String,
    pub purpose: String,
    pub status: String,
    pub decided_by: Option<i64>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reason: String,
    pub budget_id: Option<i64>,
    pub budget_minor: Option<i64>,
    /// The entry of its top-up.
    pub entry_id: Option<i64>,
    pub created_at: DateTime<Utc>,
    pub version: i64,
}

/// A request to insert.
#[derive(Debug, Clone)]
pub struct NewRequest {
    pub fund_account_id: i64,
    pub buyer_id: i64,
    pub amount_minor: i64,
    pub currency: String,
    pub purpose: String,
}

/// The decision on a request.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    pub status: &'static str,
    pub decided_by: Option<i64>,
    pub reason: String,
    /// The id of the budget, and the amount reserved of it.
    pub budget: Option<(i64, i64)>,
}

/// Filters of a list of requests.
#[derive(Debug, Clone)]
pub struct RequestFilter {
    /// `None`: any buyer.
    pub buyers: Option<Vec<i64>>,
    pub fund_account_id: Option<i64>,
    pub status: Option<&'static str>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

pub const SORTING: Sorting = Sorting::new(
    "-created_at",
    &[Key::number("request.id")],
    &[
        Column::new("created_at", &[Key::time("created_at")]),
        Column::new("id", &[]),
        Column::new(
            "account_id",
            &[Key::text(
                "(SELECT lower(name) FROM fund_accounts WHERE fund_accounts.id = request.fund_account_id)",
            )],
        ),
        Column::new("user_id", &[Key::text("(SELECT username_key FROM users WHERE users.id = buyer_id)")]),
        Column::new("currency", &[Key::text("request.currency")]),
        Column::new("amount", &[Key::text("request.currency"), Key::number("request.amount_minor")]),
        Column::new("purpose", &[Key::text("purpose")]),
        Column::new("status", &[Key::text("status")]),
        Column::new(
            "decided_by_id",
            &[Key::text("(SELECT username_key FROM users WHERE users.id = decided_by)").or_null()],
        ),
        Column::new("decided_at", &[Key::time("decided_at").or_null()]),
        Column::new("reason", &[Key::text("reason")]),
        Column::new("budget_id", &[Key::number("budget_id").or_null()]),
        Column::new("transfer_id", &[Key::number("entry.id").or_null()]),
    ],
);

pub async fn list(
    pool: &PgPool,
    filter: &RequestFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<RequestRow>>> {
    let columns = "request.id, request.fund_account_id, buyer_id, request.amount_minor, request.currency, purpose,
        status, decided_by, decided_at, reason, budget_id, budget_minor, entry.id AS entry_id, created_at, version";
    let from = "fund_requests request LEFT JOIN ledger_entries entry ON request_id = request.id";
    ListQuery::new(order, columns, from)
        .when("buyer_id = ANY (?)", filter.buyers.as_deref())
        .when("request.fund_account_id = ?", filter.fund_account_id)
        .when("status = ?", filter.status)
        .when("created_at >= ?", Some(filter.from))
        .when("created_at <= ?", Some(filter.to))
        .fetch(pool)
        .await
}

pub async fn find(
    executor: impl PgExecutor<'_>,
    id: i64,
    buyers: Option<&[i64]>,
) -> sqlx::Result<Option<RequestRow>> {
    sqlx::query_as!(
        RequestRow,
        r#"SELECT request.id, request.fund_account_id, buyer_id, request.amount_minor, request.currency, purpose, status,
                  decided_by, decided_at, reason, budget_id, budget_minor, entry.id AS "entry_id?", created_at, version
           FROM fund_requests request LEFT JOIN ledger_entries entry ON request_id = request.id
           WHERE request.id = $1 AND ($2::bigint[] IS NULL OR buyer_id = ANY ($2))"#,
        id,
        buyers,
    )
    .fetch_optional(executor)
    .await
}

/// Finds a request and locks it, so that a concurrent decision waits and then sees this one. Does
/// not load `entry_id`.
pub async fn lock_exclusive(
    connection: &mut PgConnection,
    id: i64,
    buyers: Option<&[i64]>,
) -> sqlx::Result<Option<RequestRow>> {
    sqlx::query_as!(
        RequestRow,
        r#"SELECT id, fund_account_id, buyer_id, amount_minor, currency, purpose, status, decided_by, decided_at, reason,
                  budget_id, budget_minor, NULL::bigint AS "entry_id?", created_at, version
           FROM fund_requests WHERE id = $1 AND ($2::bigint[] IS NULL OR buyer_id = ANY ($2)) FOR UPDATE"#,
        id,
        buyers,
    )
    .fetch_optional(connection)
    .await
}

pub async fn insert(
    connection: &mut PgConnection,
    new: &NewRequest,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO fund_requests (fund_account_id, buyer_id, amount_minor, currency, purpose, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        new.fund_account_id,
        new.buyer_id,
        new.amount_minor,
        new.currency,
        new.purpose,
        now,
    )
    .fetch_one(connection)
    .await
}

/// Updates the amount and the purpose of a request.
pub async fn update(
    connection: &mut PgConnection,
    id: i64,
    amount_minor: i64,
    purpose: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fund_requests SET amount_minor = $2, purpose = $3, version = version + 1 WHERE id = $1",
        id,
        amount_minor,
        purpose,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores a decision.
pub async fn decide(
    connection: &mut PgConnection,
    id: i64,
    decision: &Decision,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let (budget_id, budget_minor) = decision.budget.unzip();
    sqlx::query!(
        "UPDATE fund_requests
         SET status = $2, decided_by = $3, decided_at = $4, reason = $5, budget_id = $6, budget_minor = $7,
             version = version + 1
         WHERE id = $1",
        id,
        decision.status,
        decision.decided_by,
        now,
        decision.reason,
        budget_id,
        budget_minor,
    )
    .execute(connection)
    .await?;
    Ok(())
}

pub async fn mark_topped_up(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE fund_requests SET status = 'topped_up', version = version + 1 WHERE id = $1", id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the request as this transaction sees it.
///
/// # Errors
/// `RowNotFound` if it does not exist.
pub async fn reread(connection: &mut PgConnection, id: i64) -> sqlx::Result<RequestRow> {
    find(connection, id, None).await?.ok_or(sqlx::Error::RowNotFound)
}
