//! Ad accounts in Postgres.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// The constraints that a body can run into.
pub const NAME_UNIQUE: &str = "fund_accounts_name_unique";
pub const OF_BUYERS: &str = "fund_accounts_of_buyers";
pub const SOURCE_KNOWN: &str = "fund_accounts_source";

/// An ad account and what is in it.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub id: i64,
    pub name: String,
    /// By which accounts are sorted.
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
}

/// An ad account to be, or as it shall be.
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

/// Which accounts to list.
#[derive(Debug, Clone)]
pub struct AccountFilter {
    /// `None`: everybody's.
    pub buyers: Option<Vec<i64>>,
    pub pattern: Option<String>,
    pub source_id: Option<i64>,
    pub state: Option<&'static str>,
    /// The name in lower case and the id of the last one of the page before.
    pub after: Option<(String, i64)>,
    pub limit: i64,
}

/// What is still asked for or promised, and what is in an account that shall go.
#[derive(Debug, Clone, Copy)]
pub struct Ties {
    pub balance_minor: i64,
    pub n_requests: i64,
}

/// Accounts by name, that are not archived.
pub async fn list(pool: &PgPool, filter: &AccountFilter) -> sqlx::Result<Vec<AccountRow>> {
    let (after_name, after_id) = filter.after.clone().unzip();
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE archived_at IS NULL
           AND ($1::bigint[] IS NULL OR buyer_id = ANY ($1))
           AND ($2::text IS NULL OR name ILIKE $2)
           AND ($3::bigint IS NULL OR source_id = $3)
           AND ($4::text IS NULL OR state = $4)
           AND ($5::text IS NULL OR (lower(name), account.id) > ($5, $6))
         ORDER BY lower(name), account.id LIMIT $7"#,
        filter.buyers.as_deref(),
        filter.pattern,
        filter.source_id,
        filter.state,
        after_name,
        after_id,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

pub async fn find(pool: &PgPool, id: i64, buyers: Option<&[i64]>) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 AND archived_at IS NULL AND ($2::bigint[] IS NULL OR buyer_id = ANY ($2))"#,
        id,
        buyers,
    )
    .fetch_optional(pool)
    .await
}

/// The account, locked so that nobody else changes it, or posts to it, until the transaction ends.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 AND archived_at IS NULL FOR UPDATE OF account"#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// The accounts of these ids or names, by id, held as they are until the transaction ends; archived ones are left out.
pub async fn lock_shared(
    connection: &mut PgConnection,
    ids: &[i64],
    lower_names: &[String],
) -> sqlx::Result<Vec<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE archived_at IS NULL AND (account.id = ANY ($1) OR lower(name) = ANY ($2))
         ORDER BY account.id LIMIT 10000 FOR SHARE OF account"#,
        ids,
        lower_names,
    )
    .fetch_all(connection)
    .await
}

/// An account, archived or not, held as it is until the transaction ends.
pub async fn lock_shared_with_archived(
    connection: &mut PgConnection,
    id: i64,
) -> sqlx::Result<Option<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, name, lower(name) AS "lower_name!", source_id, buyer_id, account.currency, state,
                  credit_limit_minor, low_runway_days, balance_minor, created_at, version
         FROM fund_accounts account JOIN ledger_accounts ledger ON fund_account_id = account.id
         WHERE account.id = $1 FOR SHARE OF account"#,
        id,
    )
    .fetch_optional(connection)
    .await
}

/// Makes an account, with its place in the ledger, and returns its id.
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

/// Gives an account other values; another buyer has it from now on.
///
/// # Errors
/// A violation of one of the constraints above, or of the ledger's floor when it holds less than its new credit allows.
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

/// What keeps an account from being archived.
pub async fn ties(connection: &mut PgConnection, id: i64) -> sqlx::Result<Ties> {
    sqlx::query_as!(
        Ties,
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

/// The ids of all accounts that these people have now, archived ones too.
pub async fn ids_of(pool: &PgPool, buyers: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM fund_accounts WHERE buyer_id = ANY ($1) ORDER BY id LIMIT 10000",
        buyers
    )
    .fetch_all(pool)
    .await
}

/// The present members of a team.
pub async fn members(executor: impl PgExecutor<'_>, team_id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT user_id FROM memberships WHERE team_id = $1 AND upper_inf(during) ORDER BY user_id LIMIT 10000",
        team_id
    )
    .fetch_all(executor)
    .await
}
