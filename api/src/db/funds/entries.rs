//! Reads the entries of the ledger.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgConnection, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// An entry: one transfer.
#[derive(Debug, Clone, FromRow)]
pub struct EntryRow {
    pub id: i64,
    pub at: DateTime<Utc>,
    pub day: NaiveDate,
    pub kind: String,
    pub fund_account_id: i64,
    pub currency: String,
    pub amount_minor: i64,
    pub fee_minor: i64,
    pub spent_minor: i64,
    pub request_id: Option<i64>,
    pub reverses_id: Option<i64>,
    pub reversed_by_id: Option<i64>,
    pub reference: String,
    pub note: String,
    pub actor_id: i64,
}

/// Filters of a list of transfers.
#[derive(Debug, Clone)]
pub struct EntryFilter {
    /// Only of these ad accounts; `None`: of all.
    pub fund_account_ids: Option<Vec<i64>>,
    pub kind: Option<&'static str>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// A spend that is recorded already.
#[derive(Debug, Clone)]
pub struct KnownSpend {
    pub fund_account_id: i64,
    pub day: NaiveDate,
    pub reference: String,
    pub amount_minor: i64,
}

pub const SORTING: Sorting = Sorting::new(
    "-time",
    &[Key::number("entry.id")],
    &[
        Column::new("time", &[Key::time("entry.at")]),
        Column::new("id", &[]),
        Column::new("date", &[Key::day("entry.day")]),
        Column::new("kind", &[Key::text("entry.kind")]),
        Column::new(
            "account_id",
            &[Key::text(
                "(SELECT lower(name) FROM fund_accounts WHERE fund_accounts.id = entry.fund_account_id)",
            )],
        ),
        Column::new("currency", &[Key::text("entry.currency")]),
        Column::new("amount", &[Key::text("entry.currency"), Key::number("entry.amount_minor")]),
        Column::new("fee", &[Key::text("entry.currency"), Key::number("entry.fee_minor")]),
        Column::new("request_id", &[Key::number("entry.request_id").or_null()]),
        Column::new("reverses_id", &[Key::number("entry.reverses_id").or_null()]),
        Column::new(
            "reversed_by_id",
            &[Key::number("(SELECT id FROM ledger_entries later WHERE later.reverses_id = entry.id)")
                .or_null()],
        ),
        Column::new("reference", &[Key::text("entry.reference")]),
        Column::new("note", &[Key::text("entry.note")]),
        Column::new(
            "user_id",
            &[Key::text("(SELECT username_key FROM users WHERE users.id = entry.actor_id)")],
        ),
    ],
);

impl EntryFilter {
    /// Adds the conditions, except that of the ad accounts.
    fn limit<'a>(&self, query: ListQuery<'a>) -> ListQuery<'a> {
        query
            .when("entry.at >= ?", Some(self.from))
            .when("entry.at <= ?", Some(self.to))
            .when("entry.kind = ?", self.kind)
    }
}

/// Lists transfers. For some ad accounts, the query takes the first rows of each account from its
/// index, then the first of those.
pub async fn list(pool: &PgPool, filter: &EntryFilter, order: &Order) -> sqlx::Result<Vec<Keyed<EntryRow>>> {
    let columns = "entry.id, entry.at, entry.day, entry.kind, entry.fund_account_id, entry.currency,
        entry.amount_minor, entry.fee_minor, entry.spent_minor, entry.request_id, entry.reverses_id,
        reversal.id AS reversed_by_id, entry.reference, entry.note, entry.actor_id";
    let query = ListQuery::select(order, columns);
    let query = match &filter.fund_account_ids {
        None => query.sql("ledger_entries entry"),
        Some(ids) => {
            let query = query.sql("unnest(").bind(ids.clone()).sql("::bigint[]) AS own (account)");
            let query = query.sql(
                " CROSS JOIN LATERAL (
                      SELECT * FROM ledger_entries entry WHERE entry.fund_account_id = own.account",
            );
            filter.limit(query).page().sql(") entry")
        }
    };
    let query = query.sql(" LEFT JOIN ledger_entries reversal ON reversal.reverses_id = entry.id WHERE true");
    filter.limit(query).fetch(pool).await
}

pub async fn find(
    connection: &mut PgConnection,
    id: i64,
    buyers: Option<&[i64]>,
) -> sqlx::Result<Option<EntryRow>> {
    sqlx::query_as!(
        EntryRow,
        r#"SELECT entry.id, entry.at, entry.day, entry.kind, entry.fund_account_id, entry.currency, entry.amount_minor,
                  entry.fee_minor, entry.spent_minor, entry.request_id, entry.reverses_id,
                  reversal.id AS "reversed_by_id?", entry.reference, entry.note, entry.actor_id
           FROM ledger_entries entry LEFT JOIN ledger_entries reversal ON reversal.reverses_id = entry.id
           JOIN fund_accounts account ON account.id = entry.fund_account_id
           WHERE entry.id = $1 AND ($2::bigint[] IS NULL OR buyer_id = ANY ($2))"#,
        id,
        buyers,
    )
    .fetch_optional(connection)
    .await
}

/// Lists the legs of an entry: ledger account and amount.
pub async fn legs(connection: &mut PgConnection, id: i64) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        "SELECT account_id, amount_minor FROM ledger_postings WHERE entry_id = $1 ORDER BY id",
        id
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.amount_minor)).collect())
}

/// Returns those of the spends, given by account, day and reference, that are recorded already.
pub async fn known_spends(
    connection: &mut PgConnection,
    fund_account_ids: &[i64],
    days: &[NaiveDate],
    references: &[String],
) -> sqlx::Result<Vec<KnownSpend>> {
    sqlx::query_as!(
        KnownSpend,
        "SELECT known.fund_account_id, known.day, known.reference, amount_minor
         FROM unnest($1::bigint[], $2::date[], $3::text[]) AS asked (account, day, reference)
         JOIN spend_references known ON known.fund_account_id = asked.account AND known.day = asked.day
             AND known.reference = asked.reference
         JOIN ledger_entries entry ON entry.id = entry_id",
        fund_account_ids,
        days,
        references,
    )
    .fetch_all(connection)
    .await
}
