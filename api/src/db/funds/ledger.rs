//! Reads the lines of the ledger: lists, and the statement of an ad account.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;

/// A line: one posting of an entry.
#[derive(Debug, Clone)]
pub struct LineRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub day: NaiveDate,
    pub kind: String,
    pub entry_id: i64,
    /// `bank`, `ad_account`, `spend` or `fees`.
    pub book: String,
    /// The ad account if the book is `ad_account`.
    pub fund_account_id: Option<i64>,
    pub currency: String,
    pub amount_minor: i64,
    pub balance_minor: i64,
    pub reference: String,
    pub note: String,
}

/// Filters of a list of lines.
#[derive(Debug, Clone)]
pub struct LineFilter {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub after: Option<(DateTime<Utc>, i64)>,
    pub limit: i64,
}

/// Lists the lines of all accounts, newest first.
pub async fn list_all(pool: &PgPool, filter: &LineFilter) -> sqlx::Result<Vec<LineRow>> {
    let (after_at, after_id) = filter.after.unzip();
    sqlx::query_as!(
        LineRow,
        r#"SELECT posting.id, posting.at, entry.day, entry.kind, entry_id, account.kind AS book,
                  account.fund_account_id AS "fund_account_id?", posting.currency, posting.amount_minor,
                  posting.balance_minor, reference, note
           FROM ledger_postings posting
           JOIN ledger_entries entry ON entry.id = entry_id
           JOIN ledger_accounts account ON account.id = account_id
           WHERE posting.at BETWEEN $1 AND $2 AND ($3::timestamptz IS NULL OR (posting.at, posting.id) < ($3, $4))
           ORDER BY posting.at DESC, posting.id DESC LIMIT $5"#,
        filter.from,
        filter.to,
        after_at,
        after_id,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

/// Lists the lines of some ad accounts, newest first. The query takes the newest of each account
/// from its index, then the newest of those.
pub async fn list_of(
    pool: &PgPool,
    fund_account_ids: &[i64],
    filter: &LineFilter,
) -> sqlx::Result<Vec<LineRow>> {
    let (after_at, after_id) = filter.after.unzip();
    sqlx::query_as!(
        LineRow,
        r#"SELECT posting.id AS "id!", posting.at AS "at!", entry.day AS "day!", entry.kind AS "kind!",
                  entry_id AS "entry_id!", account.kind AS "book!", account.fund_account_id AS "fund_account_id?",
                  posting.currency AS "currency!", posting.amount_minor AS "amount_minor!",
                  posting.balance_minor AS "balance_minor!", reference AS "reference!", note AS "note!"
           FROM ledger_accounts account
           CROSS JOIN LATERAL (
               SELECT * FROM ledger_postings
               WHERE account_id = account.id AND at BETWEEN $2 AND $3
                 AND ($4::timestamptz IS NULL OR (at, id) < ($4, $5))
               ORDER BY at DESC, id DESC LIMIT $6) posting
           JOIN ledger_entries entry ON entry.id = entry_id
           WHERE account.fund_account_id = ANY ($1)
           ORDER BY posting.at DESC, posting.id DESC LIMIT $6"#,
        fund_account_ids,
        filter.from,
        filter.to,
        after_at,
        after_id,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

/// Lists the lines of an ad account in a time range, oldest first.
pub async fn statement(
    pool: &PgPool,
    fund_account_id: i64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<LineRow>> {
    sqlx::query_as!(
        LineRow,
        r#"SELECT posting.id, posting.at, entry.day, entry.kind, entry_id, account.kind AS book,
                  account.fund_account_id AS "fund_account_id?", posting.currency, posting.amount_minor,
                  posting.balance_minor, reference, note
           FROM ledger_accounts account
           JOIN ledger_postings posting ON account_id = account.id
           JOIN ledger_entries entry ON entry.id = entry_id
           WHERE account.fund_account_id = $1 AND posting.at BETWEEN $2 AND $3
           ORDER BY posting.at, posting.id LIMIT $4"#,
        fund_account_id,
        from,
        to,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Returns the balance of an ad account before a moment.
pub async fn balance_before(pool: &PgPool, fund_account_id: i64, moment: DateTime<Utc>) -> sqlx::Result<i64> {
    let found = sqlx::query_scalar!(
        "SELECT posting.balance_minor FROM ledger_accounts account JOIN ledger_postings posting ON account_id = account.id
         WHERE account.fund_account_id = $1 AND posting.at < $2 ORDER BY posting.at DESC, posting.id DESC LIMIT 1",
        fund_account_id,
        moment,
    )
    .fetch_optional(pool)
    .await?;
    Ok(found.unwrap_or(0))
}
