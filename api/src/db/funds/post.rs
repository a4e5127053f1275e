//! The only code that writes to the ledger. Callers lock the accounts of an entry before they write
//! it. The database keeps the balances. It refuses entries that do not balance, and balances below
//! the floor of their account.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// Constraints that an entry can violate.
pub const FLOOR: &str = "ledger_accounts_floor";
pub const BOUNDED: &str = "ledger_accounts_bounded";
pub const IDEMPOTENT: &str = "ledger_entries_idempotent";
pub const REVERSED_ONCE: &str = "ledger_entries_reversed_once";
pub const SPEND_ONCE: &str = "spend_references_once";

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum EntryKind {
    /// Money from the bank into an ad account. The fee goes to an account of its own.
    TopUp,
    /// Money that the ad network took.
    Spend,
    /// Money that comes back from an ad account.
    Return,
    /// The opposite of another entry.
    Reversal,
}

impl EntryKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::TopUp, Self::Spend, Self::Return, Self::Reversal];

    /// Returns the word in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "top_up",
            Self::Spend => "spend",
            Self::Return => "return",
            Self::Reversal => "reversal",
        }
    }
}

/// An entry to insert.
#[derive(Debug, Clone)]
pub struct NewEntry {
    pub kind: EntryKind,
    pub fund_account_id: i64,
    pub currency: String,
    pub day: NaiveDate,
    pub amount_minor: i64,
    pub fee_minor: i64,
    /// The amount that it adds to the account's spend.
    pub spent_minor: i64,
    /// Ledger account and amount.
    pub legs: Vec<(i64, i64)>,
    pub request_id: Option<i64>,
    pub reverses_id: Option<i64>,
    pub reference: String,
    pub note: String,
    pub actor_id: i64,
    pub idempotency_key: Option<String>,
    pub content_hash: [u8; 32],
    /// Whether the reference must be unique for the account and day.
    pub is_reference_unique: bool,
}

/// The locked ledger accounts of some ad accounts.
#[derive(Debug, Clone)]
pub struct Books {
    ad_accounts: HashMap<i64, LedgerAccount>,
    /// By kind, currency, and whether they are the demo's.
    common: HashMap<(String, String, bool), i64>,
    /// The time of the last entry. New entries must not be earlier.
    pub last_at: DateTime<Utc>,
}

/// The ledger account of an ad account.
#[derive(Debug, Clone, Copy)]
pub struct LedgerAccount {
    pub id: i64,
    pub balance_minor: i64,
    /// The amount that may still be taken out: the balance above the floor.
    pub available_minor: i64,
    /// Whether it is in the books of the demo.
    pub is_demo: bool,
}

impl Books {
    /// Returns the ledger account of an ad account.
    #[must_use]
    pub fn ad_account(&self, fund_account_id: i64) -> Option<LedgerAccount> {
        self.ad_accounts.get(&fund_account_id).copied()
    }

    /// Returns the id of the common account of a kind: `bank`, `spend` or `fees`. The demo has its
    /// own.
    #[must_use]
    pub fn common(&self, kind: &str, currency: &str, is_demo: bool) -> Option<i64> {
        self.common.get(&(kind.to_owned(), currency.to_owned(), is_demo)).copied()
    }
}

/// Locks the ledger accounts of ad accounts, and the common accounts of their currencies, in the
/// order of their ids.
pub async fn lock_exclusive(connection: &mut PgConnection, fund_account_ids: &[i64]) -> sqlx::Result<Books> {
    let rows = sqlx::query!(
        "SELECT id, kind, currency, fund_account_id, balance_minor, floor_minor, last_at, is_demo
         FROM ledger_accounts
         WHERE fund_account_id = ANY ($1) OR (fund_account_id IS NULL
             AND (currency, is_demo) IN (SELECT currency, is_demo FROM fund_accounts WHERE id = ANY ($1)))
         ORDER BY id FOR UPDATE",
        fund_account_ids
    )
    .fetch_all(connection)
    .await?;
    let mut books =
        Books { ad_accounts: HashMap::new(), common: HashMap::new(), last_at: DateTime::UNIX_EPOCH };
    for row in rows {
        books.last_at = books.last_at.max(row.last_at);
        if let Some(fund_account_id) = row.fund_account_id {
            let available_minor = row.balance_minor - row.floor_minor.unwrap_or(0);
            let (balance_minor, is_demo) = (row.balance_minor, row.is_demo);
            let account = LedgerAccount { id: row.id, balance_minor, available_minor, is_demo };
            books.ad_accounts.insert(fund_account_id, account);
        } else {
            books.common.insert((row.kind, row.currency, row.is_demo), row.id);
        }
    }
    Ok(books)
}

/// Finds the entry of a user's idempotency key. Returns its id and the hash of its request.
pub async fn find_by_key(
    connection: &mut PgConnection,
    actor_id: i64,
    key: &str,
) -> sqlx::Result<Option<(i64, Vec<u8>)>> {
    let row = sqlx::query!(
        "SELECT id, content_hash FROM ledger_entries WHERE actor_id = $1 AND idempotency_key = $2",
        actor_id,
        key
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.content_hash)))
}

/// Writes entries with their references and postings, and returns their ids in order. The number of
/// statements does not depend on the number of entries. The accounts must be locked.
///
/// # Errors
/// A violation of one of the constraints above.
pub async fn write(
    connection: &mut PgConnection,
    entries: &[NewEntry],
    at: DateTime<Utc>,
) -> sqlx::Result<Vec<i64>> {
    let ids = next_ids(connection, entries.len()).await?;
    insert_entries(connection, &ids, entries, at).await?;
    insert_references(connection, &ids, entries).await?;
    insert_postings(connection, &ids, entries).await?;
    Ok(ids)
}

async fn next_ids(connection: &mut PgConnection, n: usize) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        r#"SELECT nextval(pg_get_serial_sequence('ledger_entries', 'id')) AS "id!" FROM generate_series(1, $1::bigint)"#,
        i64::try_from(n).unwrap_or(i64::MAX)
    )
    .fetch_all(connection)
    .await
}

async fn insert_entries(
    connection: &mut PgConnection,
    ids: &[i64],
    entries: &[NewEntry],
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    fn column<T>(entries: &[NewEntry], value: impl Fn(&NewEntry) -> T) -> Vec<T> {
        entries.iter().map(value).collect()
    }
    sqlx::query!(
        "INSERT INTO ledger_entries (id, at, day, kind, fund_account_id, currency, amount_minor, fee_minor, spent_minor,
                                     request_id, reverses_id, reference, note, actor_id, idempotency_key, content_hash)
         SELECT id, $2, day, kind, account, currency, amount, fee, spent, request, reverses, reference, note, actor, key,
                hash
         FROM unnest($1::bigint[], $3::date[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
                     $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::bigint[], $15::text[],
                     $16::bytea[])
             AS new (id, day, kind, account, currency, amount, fee, spent, request, reverses, reference, note, actor,
                     key, hash)",
        ids,
        at,
        &column(entries, |entry| entry.day),
        &column(entries, |entry| entry.kind.as_str().to_owned()),
        &column(entries, |entry| entry.fund_account_id),
        &column(entries, |entry| entry.currency.clone()),
        &column(entries, |entry| entry.amount_minor),
        &column(entries, |entry| entry.fee_minor),
        &column(entries, |entry| entry.spent_minor),
        &column(entries, |entry| entry.request_id) as &[Option<i64>],
        &column(entries, |entry| entry.reverses_id) as &[Option<i64>],
        &column(entries, |entry| entry.reference.clone()),
        &column(entries, |entry| entry.note.clone()),
        &column(entries, |entry| entry.actor_id),
        &column(entries, |entry| entry.idempotency_key.clone()) as &[Option<String>],
        &column(entries, |entry| entry.content_hash.to_vec()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_references(
    connection: &mut PgConnection,
    ids: &[i64],
    entries: &[NewEntry],
) -> sqlx::Result<()> {
    let referred: Vec<i64> =
        ids.iter().zip(entries).filter(|(_, entry)| entry.is_reference_unique).map(|(id, _)| *id).collect();
    if !referred.is_empty() {
        sqlx::query!(
            "INSERT INTO spend_references (fund_account_id, day, reference, entry_id)
             SELECT fund_account_id, day, reference, id FROM ledger_entries WHERE id = ANY ($1)",
            &referred
        )
        .execute(&mut *connection)
        .await?;
    }
    let reversed: Vec<i64> = entries.iter().filter_map(|entry| entry.reverses_id).collect();
    if !reversed.is_empty() {
        sqlx::query!("DELETE FROM spend_references WHERE entry_id = ANY ($1)", &reversed)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn insert_postings(
    connection: &mut PgConnection,
    ids: &[i64],
    entries: &[NewEntry],
) -> sqlx::Result<()> {
    let legs = || {
        ids.iter().zip(entries).flat_map(|(id, entry)| {
            entry
                .legs
                .iter()
                .map(move |(account_id, minor)| (*id, *account_id, *minor, entry.currency.clone()))
        })
    };
    // A trigger sets balance and time.
    sqlx::query!(
        "INSERT INTO ledger_postings (entry_id, account_id, amount_minor, currency, balance_minor, at)
         SELECT entry, account, amount, currency, 0, 'epoch'
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[]) AS new (entry, account, amount, currency)",
        &legs().map(|leg| leg.0).collect::<Vec<_>>(),
        &legs().map(|leg| leg.1).collect::<Vec<_>>(),
        &legs().map(|leg| leg.2).collect::<Vec<_>>(),
        &legs().map(|leg| leg.3).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
