//! What accounts, buyers and teams held at a moment, and what they spent in the days before it.
//!
//! An account's balance is that of its last line not after the moment; those of a buyer or a team are the sums over the
//! accounts that the buyer, or the buyers who were in the team, had at that moment. Each page's keys are found first, so that
//! only its own accounts are looked at.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgPool;

/// What somebody or something held.
#[derive(Debug, Clone)]
pub struct BalanceRow {
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub balance_minor: i64,
    /// Of the days asked about.
    pub spent_minor: i64,
    pub low_runway_days: i32,
}

/// Which balances to list.
#[derive(Debug, Clone)]
pub struct BalanceFilter {
    pub at: DateTime<Utc>,
    /// The first and the last of the days whose spend counts.
    pub days: (NaiveDate, NaiveDate),
    /// Only the accounts of these people; `None`: everybody's.
    pub buyers: Option<Vec<i64>>,
    /// Only this account, buyer or team.
    pub id: Option<i64>,
    pub after: Option<(i64, String)>,
    pub limit: i64,
}

/// By account.
///
/// # Errors
/// When Postgres fails, as everywhere in this file.
pub async fn by_account(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let after_id = filter.after.as_ref().map(|(id, _)| *id);
    sqlx::query_as!(
        BalanceRow,
        r#"SELECT account.id, name, account.currency, low_runway_days,
                  coalesce(line.balance_minor, 0) AS "balance_minor!",
                  least(coalesce(spend.minor, 0), 999999999999999999)::bigint AS "spent_minor!"
           FROM fund_accounts account
           JOIN ledger_accounts ledger ON ledger.fund_account_id = account.id
           LEFT JOIN LATERAL (
               SELECT balance_minor FROM ledger_postings WHERE account_id = ledger.id AND at <= $1
               ORDER BY at DESC, id DESC LIMIT 1) line ON true
           LEFT JOIN LATERAL (
               SELECT sum(spent_minor) AS minor FROM ledger_entries
               WHERE fund_account_id = account.id AND day BETWEEN $2 AND $3 AND at <= $1 AND spent_minor <> 0) spend ON true
           WHERE created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
             AND ($4::bigint[] IS NULL OR buyer_id = ANY ($4))
             AND ($5::bigint IS NULL OR account.id = $5)
             AND ($6::bigint IS NULL OR account.id > $6)
           ORDER BY account.id LIMIT $7"#,
        filter.at,
        filter.days.0,
        filter.days.1,
        filter.buyers.as_deref(),
        filter.id,
        after_id,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

/// By buyer and currency: the accounts that a buyer had at the moment.
///
/// # Errors
/// When Postgres fails.
pub async fn by_buyer(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let (after_id, after_currency) = filter.after.clone().unzip();
    sqlx::query_as!(
        BalanceRow,
        r#"WITH page AS MATERIALIZED (
               SELECT DISTINCT held.buyer_id, currency
               FROM fund_account_buyers held JOIN fund_accounts account ON account.id = fund_account_id
               WHERE during @> $1::timestamptz AND created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
                 AND ($4::bigint[] IS NULL OR held.buyer_id = ANY ($4))
                 AND ($5::bigint IS NULL OR held.buyer_id = $5)
                 AND ($6::bigint IS NULL OR (held.buyer_id, currency) > ($6, $7))
               ORDER BY 1, 2 LIMIT $8)
           SELECT page.buyer_id AS "id!", username AS "name!", page.currency AS "currency!",
                  max(low_runway_days) AS "low_runway_days!",
                  coalesce(sum(line.balance_minor), 0)::bigint AS "balance_minor!",
                  least(coalesce(sum(spend.minor), 0), 999999999999999999)::bigint AS "spent_minor!"
           FROM page
           JOIN users ON users.id = page.buyer_id
           JOIN fund_account_buyers held ON held.buyer_id = page.buyer_id AND held.during @> $1::timestamptz
           JOIN fund_accounts account ON account.id = held.fund_account_id AND account.currency = page.currency
               AND account.created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
           JOIN ledger_accounts ledger ON ledger.fund_account_id = account.id
           LEFT JOIN LATERAL (
               SELECT balance_minor FROM ledger_postings WHERE account_id = ledger.id AND at <= $1
               ORDER BY at DESC, id DESC LIMIT 1) line ON true
           LEFT JOIN LATERAL (
               SELECT sum(spent_minor) AS minor FROM ledger_entries
               WHERE fund_account_id = account.id AND day BETWEEN $2 AND $3 AND at <= $1 AND spent_minor <> 0) spend ON true
           GROUP BY page.buyer_id, username, page.currency ORDER BY page.buyer_id, page.currency"#,
        filter.at,
        filter.days.0,
        filter.days.1,
        filter.buyers.as_deref(),
        filter.id,
        after_id,
        after_currency,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}

/// By team and currency: the accounts of the buyers who were in it at the moment. `buyers` of the filter is not asked: who
/// sees a team sees all of it.
///
/// # Errors
/// When Postgres fails.
pub async fn by_team(pool: &PgPool, filter: &BalanceFilter) -> sqlx::Result<Vec<BalanceRow>> {
    let (after_id, after_currency) = filter.after.clone().unzip();
    sqlx::query_as!(
        BalanceRow,
        r#"WITH page AS MATERIALIZED (
               SELECT DISTINCT team_id, currency
               FROM memberships member
               JOIN fund_account_buyers held ON held.buyer_id = member.user_id AND held.during @> $1::timestamptz
               JOIN fund_accounts account ON account.id = fund_account_id
               WHERE member.during @> $1::timestamptz AND account.created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
                 AND ($4::bigint IS NULL OR team_id = $4)
                 AND ($5::bigint IS NULL OR (team_id, currency) > ($5, $6))
               ORDER BY 1, 2 LIMIT $7)
           SELECT page.team_id AS "id!", teams.name AS "name!", page.currency AS "currency!",
                  max(low_runway_days) AS "low_runway_days!",
                  coalesce(sum(line.balance_minor), 0)::bigint AS "balance_minor!",
                  least(coalesce(sum(spend.minor), 0), 999999999999999999)::bigint AS "spent_minor!"
           FROM page
           JOIN teams ON teams.id = page.team_id
           JOIN memberships member ON member.team_id = page.team_id AND member.during @> $1::timestamptz
           JOIN fund_account_buyers held ON held.buyer_id = member.user_id AND held.during @> $1::timestamptz
           JOIN fund_accounts account ON account.id = held.fund_account_id AND account.currency = page.currency
               AND account.created_at <= $1 AND (account.archived_at IS NULL OR account.archived_at > $1)
           JOIN ledger_accounts ledger ON ledger.fund_account_id = account.id
           LEFT JOIN LATERAL (
               SELECT balance_minor FROM ledger_postings WHERE account_id = ledger.id AND at <= $1
               ORDER BY at DESC, id DESC LIMIT 1) line ON true
           LEFT JOIN LATERAL (
               SELECT sum(spent_minor) AS minor FROM ledger_entries
               WHERE fund_account_id = account.id AND day BETWEEN $2 AND $3 AND at <= $1 AND spent_minor <> 0) spend ON true
           GROUP BY page.team_id, teams.name, page.currency ORDER BY page.team_id, page.currency"#,
        filter.at,
        filter.days.0,
        filter.days.1,
        filter.id,
        after_id,
        after_currency,
        filter.limit,
    )
    .fetch_all(pool)
    .await
}
