//! Balances of accounts, buyers and teams at a moment, and their spend in the days before it.
//!
//! The balance of an account is that of its last ledger line up to the moment. The balance of a
//! buyer or a team is the sum over the accounts that the buyer, or the team's members, had at that
//! moment. The query finds the keys of a page first, so that it only sums the accounts of that
//! page.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;

use crate::db::begin_with_custom_plans;

/// The balance of an account, a buyer or a team.
#[derive(Debug, Clone)]
pub struct BalanceRow {
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub balance_minor: i64,
    /// The spend in the days of the filter.
    pub spent_minor: i64,
    pub low_runway_days: i32,
}

/// Filters of a list of balances.
#[derive(Debug, Clone)]
pub struct BalanceFilter {
    pub at: DateTime<Utc>,
    /// The first and the last day whose spend counts.
    pub days: (NaiveDate, NaiveDate),
    /// Only the accounts of these buyers; `None`: any buyer.
    pub buyers: Option<Vec<i64>>,
    /// Only this account, buyer or team.
    pub id: Option<i64>,
    pub after: Option<(i64, String)>,
    pub limit: i64,
}

/// Selects the balances of the rows of `$page`, each of which has an array of accounts.
macro_rules! balances {
    ($page:literal, $filter:expr, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            BalanceRow,
            "WITH page AS MATERIALIZED (" + $page + r#")
             SELECT page.id AS "id!", page.name AS "name!", page.currency AS "currency!",
                    page.low_runway_days AS "low_runway_days!",
                    coalesce(sums.balance_minor, 0)::bigint AS "balance_minor!",
                    least(coalesce(sums.spent_minor, 0), 999999999999999999)::bigint AS "spent_minor!"
             FROM page
             CROSS JOIN LATERAL (
                 SELECT sum(line.balance_minor) AS balance_minor, sum(spend.minor) AS spent_minor
                 FROM unnest(page.accounts) AS own (id)
                 LEFT JOIN LATERAL (
                     SELECT balance_minor FROM ledger_postings
                     WHERE account_id = (SELECT id FROM ledger_accounts WHERE fund_account_id = own.id) AND at <= $1
                     ORDER BY at DESC, id DESC LIMIT 1) line ON true
                 LEFT JOIN LATERAL (
                     SELECT sum(spent_minor) AS minor FROM ledger_entries
                     WHERE fund_account_id = own.id AND day BETWEEN $2 AND $3 AND at <= $1 AND spent_minor <> 0)
                     spend ON true) sums
             ORDER BY page.id, page.currency"#,
            $filter.at,
            $filter.days.0,
            $filter.days.1,
            $($argument),+
        )
    };
}

/// Lists balances by account.
pub async fn by_account(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let after_id = filter.after.as_ref().map(|(id, _)| *id);
    let mut planned = begin_with_custom_plans(pool).await?;
    balances!(
        "SELECT id, name, currency, low_runway_days, ARRAY[id] AS accounts
         FROM fund_accounts
         WHERE created_at <= $1 AND (archived_at IS NULL OR archived_at > $1)
           AND ($4::bigint[] IS NULL OR buyer_id = ANY ($4))
           AND ($5::bigint IS NULL OR id = $5)
           AND ($6::bigint IS NULL OR id > $6)
         ORDER BY id LIMIT $7",
        filter,
        filter.buyers.as_deref(),
        filter.id,
        after_id,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
}

/// Lists balances by buyer and currency, of the accounts that the buyer had at the moment.
pub async fn by_buyer(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let (after_id, after_currency) = filter.after.clone().unzip();
    let mut planned = begin_with_custom_plans(pool).await?;
    balances!(
        "SELECT held.buyer_id AS id, username AS name, account.currency, max(low_runway_days) AS low_runway_days,
                array_agg(account.id) AS accounts
         FROM fund_account_buyers held
         JOIN fund_accounts account ON account.id = fund_account_id
         JOIN users ON users.id = held.buyer_id
         WHERE during @> $1::timestamptz
           AND account.created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
           AND ($4::bigint[] IS NULL OR held.buyer_id = ANY ($4))
           AND ($5::bigint IS NULL OR held.buyer_id = $5)
           AND ($6::bigint IS NULL OR (held.buyer_id, account.currency) > ($6, $7))
         GROUP BY 1, 2, 3 ORDER BY 1, 3 LIMIT $8",
        filter,
        filter.buyers.as_deref(),
        filter.id,
        after_id,
        after_currency,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
}

/// Lists balances by team and currency, of the accounts of the buyers who were in the team at the
/// moment. Ignores `buyers` of the filter: a viewer who sees a team sees all of it.
pub async fn by_team(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let (after_id, after_currency) = filter.after.clone().unzip();
    let mut planned = begin_with_custom_plans(pool).await?;
    balances!(
        "SELECT team_id AS id, teams.name, account.currency, max(low_runway_days) AS low_runway_days,
                array_agg(account.id) AS accounts
         FROM memberships member
         JOIN fund_account_buyers held ON held.buyer_id = member.user_id AND held.during @> $1::timestamptz
         JOIN fund_accounts account ON account.id = fund_account_id
         JOIN teams ON teams.id = team_id
         WHERE member.during @> $1::timestamptz
           AND account.created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
           AND ($4::bigint IS NULL OR team_id = $4)
           AND ($5::bigint IS NULL OR (team_id, account.currency) > ($5, $6))
         GROUP BY 1, 2, 3 ORDER BY 1, 3 LIMIT $7",
        filter,
        filter.id,
        after_id,
        after_currency,
        filter.limit,
    )
    .fetch_all(&mut *planned)
    .await
}
