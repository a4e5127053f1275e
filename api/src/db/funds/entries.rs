//! Reads the entries of the ledger.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgPool};

use crate::db::begin_with_custom_plans;

/// An entry: one transfer.
#[derive(Debug, Clone)]
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
    pub kind: Option<&'static str>,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub after: Option<(DateTime<Utc>, i64)>,
    pub limit: i64,
}

/// A spend that is recorded already.
#[derive(Debug, Clone)]
pub struct KnownSpend {
    pub fund_account_id: i64,
    pub day: NaiveDate,
    pub reference: String,
    pub amount_minor: i64,
}

/// Lists the transfers of all accounts, newest first.
pub async fn list_all(pool: &PgPool, filter: &EntryFilter) -> sqlx::Result<Vec<EntryRow>> {
    let (after_at, after_id) = filter.after.unzip();
    let mut planned = begin_with_custom_plans(pool).await?;
    sqlx::query_as!(
        EntryRow,
        r#"SELECT entry.id, entry.at, entry.day, entry.kind, entry.fund_account_id, entry.currency, entry.amount_minor,
                  entry.fee_minor, entry.spent_minor, entry.request_id, entry.reverses_id,
                  reversal.id AS "reversed_by_id?", entry.reference, entry.note, entry.actor_id
           FROM ledger_entries entry LEFT JOIN ledger_entries reversal ON reversal.reverses_id = entry.id
           WHERE entry.at BETWEEN $1 AND $2 AND ($3::text IS NULL OR entry.kind = $3)
             AND ($4::timestamptz IS NULL OR (entry.at, entry.id) < ($4, $5))
           ORDER BY entry.at DESC, entry.id DESC LIMIT $6"#,
        filter.from,
        filter.to,
        filter.kind,
        after_at,
        after_id,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
}

/// Lists the transfers of some ad accounts, newest first. The query takes the newest of each
/// account from its index, then the newest of those.
pub async fn list_of(
    pool: &PgPool,
    fund_account_ids: &[i64],
    filter: &EntryFilter,
) -> sqlx::Result<Vec<EntryRow>> {
    let (after_at, after_id) = filter.after.unzip();
    let mut planned = begin_with_custom_plans(pool).await?;
    sqlx::query_as!(
        EntryRow,
        r#"SELECT entry.id AS "id!", entry.at AS "at!", entry.day AS "day!", entry.kind AS "kind!",
                  entry.fund_account_id AS "fund_account_id!", entry.currency AS "currency!",
                  entry.amount_minor AS "amount_minor!", entry.fee_minor AS "fee_minor!",
                  entry.spent_minor AS "spent_minor!", entry.request_id, entry.reverses_id,
                  reversal.id AS "reversed_by_id?", entry.reference AS "reference!", entry.note AS "note!",
                  entry.actor_id AS "actor_id!"
           FROM unnest($1::bigint[]) AS own (account)
           CROSS JOIN LATERAL (
               SELECT * FROM ledger_entries
               WHERE fund_account_id = account AND at BETWEEN $2 AND $3 AND ($4::text IS NULL OR kind = $4)
                 AND ($5::timestamptz IS NULL OR (at, id) < ($5, $6))
               ORDER BY at DESC, id DESC LIMIT $7) entry
           LEFT JOIN ledger_entries reversal ON reversal.reverses_id = entry.id
           ORDER BY entry.at DESC, entry.id DESC LIMIT $7"#,
        fund_account_ids,
        filter.from,
        filter.to,
        filter.kind,
        after_at,
        after_id,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
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
