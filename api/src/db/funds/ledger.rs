//! Reads the lines of the ledger: lists, and the statement of an ad account.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// A line: one posting of an entry.
#[derive(Debug, Clone, FromRow)]
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
    /// Only of these ad accounts; `None`: of all accounts of the ledger.
    pub fund_account_ids: Option<Vec<i64>>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

pub const SORTING: Sorting = Sorting::new(
    "-time",
    &[Key::number("posting.id")],
    &[
        Column::new("time", &[Key::time("posting.at")]),
        Column::new("id", &[]),
        Column::new("date", &[Key::day("entry.day")]),
        Column::new("kind", &[Key::text("entry.kind")]),
        Column::new("transfer_id", &[Key::number("posting.entry_id")]),
        Column::new("book", &[Key::text("account.kind")]),
        Column::new(
            "account_id",
            &[Key::text(
                "(SELECT lower(name) FROM fund_accounts WHERE fund_accounts.id = account.fund_account_id)",
            )
            .or_null()],
        ),
        Column::new("currency", &[Key::text("posting.currency")]),
        Column::new("amount", &[Key::text("posting.currency"), Key::number("posting.amount_minor")]),
        Column::new("balance", &[Key::text("posting.currency"), Key::number("posting.balance_minor")]),
        Column::new("reference", &[Key::text("entry.reference")]),
        Column::new("note", &[Key::text("entry.note")]),
    ],
);

impl LineFilter {
    /// Adds the conditions, except that of the ad accounts.
    fn limit<'a>(&self, query: ListQuery<'a>) -> ListQuery<'a> {
        query.when("posting.at >= ?", Some(self.from)).when("posting.at <= ?", Some(self.to))
    }
}

/// Lists lines. For some ad accounts in the order of time, the query takes the first rows of each
/// account from its index, then the first of those.
pub async fn list(pool: &PgPool, filter: &LineFilter, order: &Order) -> sqlx::Result<Vec<Keyed<LineRow>>> {
    let columns = "posting.id, posting.at, entry.day, entry.kind, posting.entry_id, account.kind AS book,
        account.fund_account_id, posting.currency, posting.amount_minor, posting.balance_minor, entry.reference,
        entry.note";
    let query = ListQuery::select(order, columns).sql("ledger_accounts account");
    let query = match &filter.fund_account_ids {
        None => query.sql(" JOIN ledger_postings posting ON posting.account_id = account.id"),
        Some(_) => {
            let query = query.sql(
                " CROSS JOIN LATERAL (
                      SELECT * FROM ledger_postings posting WHERE posting.account_id = account.id",
            );
            let query = filter.limit(query);
            let query = if order.column() == "time" { query.page() } else { query };
            query.sql(") posting")
        }
    };
    let query = query.sql(" JOIN ledger_entries entry ON entry.id = posting.entry_id WHERE true");
    let query = query.when("account.fund_account_id = ANY (?)", filter.fund_account_ids.as_deref());
    filter.limit(query).fetch(pool).await
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
