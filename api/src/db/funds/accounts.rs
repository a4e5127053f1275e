//! Ad accounts in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// Constraints that a request can violate.
pub const NAME_UNIQUE: &str = "fund_accounts_name_unique";
pub const OF_BUYERS: &str = "fund_accounts_of_buyers";
pub const SOURCE_KNOWN: &str = "fund_accounts_source";

/// An ad account and its balance.
#[derive(Debug, Clone, FromRow)]
pub struct AccountRow {
    pub id: i64,
    pub name: String,
    /// The name in lower case.
    pub lower_name: String,
    pub source_id: Option<i64>,
    pub buyer_id: i64,
    pub currency: String,
    pub state: String,
    pub credit_limit_minor: i64,
    pub low_runway_days: i32,
    pub balance_minor: i64,
    pub created_at: DateTime<Utc>,
    pub version: i64,
    pub archived_at: Option<DateTime<Utc>>,
}

/// The columns of an ad account to insert or update.
#[derive(Debug, Clone)]
pub struct AccountValues {
    pub name: String,
    pub source_id: Option<i64>,
    pub buyer_id: i64,
    pub currency: &'static str,
    pub state: &'static str,
    pub credit_limit_minor: i64,
    pub low_runway_days: i32,
}

/// Filters of a list of accounts.
#[derive(Debug, Clone)]
pub struct AccountFilter {
    /// `None`: any buyer.
    pub buyers: Option<Vec<i64>>,
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
    pub source_id: Option<i64>,
    pub state: Option<&'static str>,
    pub is_archived: bool,
}

/// The balance and the pending requests of an account. Both must be zero before it is archived.
#[derive(Debug, Clone, Copy)]
pub struct PendingMoney {
    pub balance_minor: i64,
    pub n_requests: i64,
}

pub const SORTING: Sorting = Sorting::new(
    "name",
    &[Key::number("account.id")],
    &[
        Column::new("name", &[Key::text("lower(name)")]),
        Column::new("id", &[]),
        Column::new("user_id", &[Key::text("(SELECT username_key FROM users WHERE users.id = buyer_id)")]),
        Column::new(
            "source_id",
            &[Key::text("(SELECT lower(sources.name) FROM sources WHERE sources.id = source_id)").or_null()],
        ),
        Column::new("currency", &[Key::text("account.currency")]),
        Column::new("state", &[Key::text("state")]),
        Column::new("credit_limit", &[Key::text("account.currency"), Key::number("credit_limit_minor")]),
        Column::new("low_runway_days", &[Key::number("low_runway_days")]),
        Column::new("balance", &[Key::text("account.currency"), Key::number("balance_minor")]),
        Column::new("created_at", &[Key::time("account.created_at")]),
        Column::new("archived_at", &[Key::time("account.archived_at").or_null()]),
    ],
);

pub async fn list(
    pool: &PgPool,
    filter: &AccountFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<AccountRow>>> {
    let columns = "account.id, name, lower(name) AS lower_name, source_id, buyer_id, account.currency, state,
        credit_limit_minor, low_runway_days, balance_minor, created_at, version, archived_at";
    let from = "fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id";
    ListQuery::new(order, columns, from)
        .archived("archived_at", filter.is_archived)
        .when("buyer_id = ANY (?)", filter.buyers.as_deref())
        .for_each("name ILIKE ?", &filter.q)
        .when("source_id = ?", filter.source_id)
        .when("state = ?", filter.state)
        .fetch(pool)
        .await
}

pub async fn find(pool: &PgPool, id: i64, buyers: Option<&[i64]>) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version, archived_at
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 AND archived_at IS NULL AND ($2::bigint[] IS NULL OR buyer_id = ANY ($2))"#,
        id,
        buyers,
    )
    .fetch_optional(pool)
    .await
}

/// Finds an account and locks it until the transaction ends, against changes and against transfers.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version, archived_at
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 AND archived_at IS NULL FOR UPDATE OF account"#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// Finds the accounts with these ids or names, and locks them against changes. Archived accounts
/// are left out.
pub async fn lock_shared(
    connection: &mut PgConnection,
    ids: &[i64],
    lower_names: &[String],
) -> sqlx::Result<Vec<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version, archived_at
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE archived_at IS NULL AND (account.id = ANY ($1) OR lower(name) = ANY ($2))
         ORDER BY account.id LIMIT 10000 FOR SHARE OF account"#,
        ids,
        lower_names,
    )
    .fetch_all(connection)
    .await
}

/// Finds an account, archived or not, and locks it against changes.
pub async fn lock_shared_with_archived(
    connection: &mut PgConnection,
    id: i64,
) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version, archived_at
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 FOR SHARE OF account"#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// Inserts an account with its ledger account, and returns its id.
///
/// # Errors
/// A violation of one of the constraints above.
pub async fn insert(
    connection: &mut PgConnection,
    new: &AccountValues,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        "INSERT INTO fund_accounts (name, source_id, buyer_id, buyer_since, currency, state, credit_limit_minor,
                                    low_runway_days, created_at)
         VALUES ($1, $2, $3, $8, $4, $5, $6, $7, $8) RETURNING id",
        new.name,
        new.source_id,
        new.buyer_id,
        new.currency,
        new.state,
        new.credit_limit_minor,
        new.low_runway_days,
        now,
    )
    .fetch_one(connection)
    .await
}

/// Updates an account. A new buyer has it from now on.
///
/// # Errors
/// A violation of one of the constraints above, or of the ledger's floor if the balance is below
/// the new credit limit.
pub async fn update(
    connection: &mut PgConnection,
    id: i64,
    new: &AccountValues,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fund_accounts
         SET name = $2, source_id = $3, buyer_since = CASE WHEN buyer_id = $4 THEN buyer_since ELSE $8 END,
             buyer_id = $4, state = $5, credit_limit_minor = $6, low_runway_days = $7, version = version + 1
         WHERE id = $1",
        id,
        new.name,
        new.source_id,
        new.buyer_id,
        new.state,
        new.credit_limit_minor,
        new.low_runway_days,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Loads the balance and the pending requests of an account.
pub async fn pending_money(connection: &mut PgConnection, id: i64) -> sqlx::Result<PendingMoney> {
    sqlx::query_as!(
        PendingMoney,
        r#"SELECT balance_minor,
                  (SELECT count(*) FROM fund_requests
                   WHERE fund_account_id = $1 AND status IN ('open', 'approved')) AS "n_requests!"
           FROM ledger_accounts WHERE fund_account_id = $1"#,
        id
    )
    .fetch_one(connection)
    .await
}

pub async fn archive(connection: &mut PgConnection, id: i64, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE fund_accounts SET archived_at = $2, version = version + 1 WHERE id = $1", id, now)
        .execute(connection)
        .await?;
    Ok(())
}

/// Brings an archived account back. Returns false if there is none with this id.
///
/// # Errors
/// A violation of [`NAME_UNIQUE`].
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE fund_accounts SET archived_at = NULL, version = version + 1
         WHERE id = $1 AND archived_at IS NOT NULL",
        id
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lists the ids of all accounts that these buyers have now, archived ones included.
pub async fn ids_of(pool: &PgPool, buyers: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM fund_accounts WHERE buyer_id = ANY ($1) ORDER BY id LIMIT 10000",
        buyers
    )
    .fetch_all(pool)
    .await
}

/// Lists the current members of a team.
pub async fn members(executor: impl PgExecutor<'_>, team_id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT user_id FROM memberships WHERE team_id = $1 AND upper_inf(during) ORDER BY user_id LIMIT 10000",
        team_id
    )
    .fetch_all(executor)
    .await
}
