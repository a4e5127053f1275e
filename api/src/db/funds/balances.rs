//! Balances of accounts, buyers and teams at a moment, and their spend in the days before it.
//!
//! The balance of an account is that of its last ledger line up to the moment. The balance of a
//! buyer or a team is the sum over the accounts that the buyer, or the team's members, had at that
//! moment. The query finds the rows of a page first, so that it only sums the accounts of that
//! page, unless the order depends on the sums.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};

/// The balance of an account, a buyer or a team.
#[derive(Debug, Clone, FromRow)]
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
}

const BALANCE: &str = "coalesce(sums.balance_minor, 0)::bigint";
const SPENT: &str = "least(coalesce(sums.spent_minor, 0), 999999999999999999)::bigint";
/// Whole days, as `funds/balances/runway.rs` counts them.
const RUNWAY: &str = "(CASE WHEN sums.spent_minor > 0
    THEN div(greatest(coalesce(sums.balance_minor, 0), 0) * 7, least(sums.spent_minor, 999999999999999999))::bigint END)";

pub const SORTING: Sorting = Sorting::new(
    "id",
    &[Key::number("page.id"), Key::text("page.currency")],
    &[
        Column::new("id", &[]),
        Column::new("name", &[Key::text("lower(page.name)")]),
        Column::new("currency", &[Key::text("page.currency")]),
        Column::new("low_runway_days", &[Key::number("page.low_runway_days")]),
        Column::new("balance", &[Key::text("page.currency"), Key::number(BALANCE)]),
        Column::new("spent_7_days", &[Key::text("page.currency"), Key::number(SPENT)]),
        Column::new("runway_days", &[Key::number(RUNWAY).or_null()]),
    ],
);

/// Lists balances by account.
pub async fn by_account(
    pool: &PgPool,
    filter: &BalanceFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<BalanceRow>>> {
    let query = begin(order)
        .sql(
            "SELECT id, name, currency, low_runway_days, ARRAY[id] AS accounts FROM fund_accounts WHERE true",
        )
        .when("created_at <= ? AND (archived_at IS NULL OR archived_at > ?)", Some(filter.at))
        .when("buyer_id = ANY (?)", filter.buyers.as_deref())
        .when("id = ?", filter.id);
    finish(query, filter, order).fetch(pool).await
}

/// Lists balances by buyer and currency, of the accounts that the buyer had at the moment.
pub async fn by_buyer(
    pool: &PgPool,
    filter: &BalanceFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<BalanceRow>>> {
    let query = begin(order)
        .sql(
            "SELECT held.buyer_id AS id, username AS name, account.currency,
                    max(low_runway_days) AS low_runway_days, array_agg(account.id) AS accounts
             FROM fund_account_buyers held
             JOIN fund_accounts account ON account.id = fund_account_id
             JOIN users ON users.id = held.buyer_id
             WHERE true",
        )
        .when("during @> ?::timestamptz AND account.created_at <= ?", Some(filter.at))
        .when("account.archived_at IS NULL OR account.archived_at > ?", Some(filter.at))
        .when("held.buyer_id = ANY (?)", filter.buyers.as_deref())
        .when("held.buyer_id = ?", filter.id)
        .sql(" GROUP BY 1, 2, 3");
    finish(query, filter, order).fetch(pool).await
}

/// Lists balances by team and currency, of the accounts of the buyers who were in the team at the
/// moment. Ignores `buyers` of the filter: a viewer who sees a team sees all of it.
pub async fn by_team(
    pool: &PgPool,
    filter: &BalanceFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<BalanceRow>>> {
    let query = begin(order)
        .sql(
            "SELECT team_id AS id, teams.name, account.currency, max(low_runway_days) AS low_runway_days,
                    array_agg(account.id) AS accounts
             FROM memberships member
             JOIN fund_account_buyers held ON held.buyer_id = member.user_id
             JOIN fund_accounts account ON account.id = fund_account_id
             JOIN teams ON teams.id = team_id
             WHERE true",
        )
        .when("member.during @> ?::timestamptz AND held.during @> ?::timestamptz", Some(filter.at))
        .when("account.created_at <= ?", Some(filter.at))
        .when("account.archived_at IS NULL OR account.archived_at > ?", Some(filter.at))
        .when("team_id = ?", filter.id)
        .sql(" GROUP BY 1, 2, 3");
    finish(query, filter, order).fetch(pool).await
}

/// Begins a query. The rows follow, each with an array of accounts.
fn begin(order: &Order) -> ListQuery<'_> {
    let columns = "page.id, page.name, page.currency, page.low_runway_days,
        coalesce(sums.balance_minor, 0)::bigint AS balance_minor,
        least(coalesce(sums.spent_minor, 0), 999999999999999999)::bigint AS spent_minor";
    ListQuery::select(order, columns).sql("(SELECT * FROM (")
}

/// Ends the query with the sums of each row.
fn finish<'a>(query: ListQuery<'a>, filter: &BalanceFilter, order: &Order) -> ListQuery<'a> {
    let query = query.sql(") page WHERE true");
    let is_by_sums = matches!(order.column(), "balance" | "spent_7_days" | "runway_days");
    let query = if is_by_sums { query } else { query.page() };
    query
        .sql(
            ") page CROSS JOIN LATERAL (
                 SELECT sum(line.balance_minor) AS balance_minor, sum(spend.minor) AS spent_minor
                 FROM unnest(page.accounts) AS own (id)
                 LEFT JOIN LATERAL (
                     SELECT balance_minor FROM ledger_postings
                     WHERE account_id = (SELECT id FROM ledger_accounts WHERE fund_account_id = own.id)
                       AND at <= ",
        )
        .bind(filter.at)
        .sql(
            " ORDER BY at DESC, id DESC LIMIT 1) line ON true
                 LEFT JOIN LATERAL (
                     SELECT sum(spent_minor) AS minor FROM ledger_entries
                     WHERE fund_account_id = own.id AND spent_minor <> 0 AND day >= ",
        )
        .bind(filter.days.0)
        .sql(" AND day <= ")
        .bind(filter.days.1)
        .sql(" AND at <= ")
        .bind(filter.at)
        .sql(") spend ON true) sums WHERE true")
}
