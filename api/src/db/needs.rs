//! Queries for things that need attention: requests, keys, silent campaigns, ad accounts, parked
//! events.

use chrono::{DateTime, NaiveDate, Utc};
use clickhouse::{Client, Row};
use serde::Deserialize;
use sqlx::PgPool;

use crate::db::clickhouse::fetch_all;

/// The most rows of one kind. Pages show fewer.
const LIMIT: i64 = 50;

/// A request that was decided or topped up.
#[derive(Debug, Clone)]
pub struct AnsweredRow {
    pub id: i64,
    pub status: String,
    pub amount_minor: i64,
    pub currency: String,
    pub account: String,
}

/// Requests of one status and currency.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    pub currency: String,
    pub n_requests: i64,
    pub amount_minor: i64,
}

/// A thing with a name.
#[derive(Debug, Clone)]
pub struct NamedRow {
    pub id: i64,
    pub name: String,
}

/// The end of a campaign's tracking key.
#[derive(Debug, Clone)]
pub struct EndingKeyRow {
    pub campaign_id: i64,
    pub name: String,
    pub expires_at: DateTime<Utc>,
}

/// An active ad account whose money ends soon, or of which no spend is entered.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub balance_minor: i64,
    /// Spend of the days of the runway.
    pub spent_minor: i64,
    pub low_runway_days: i32,
}

/// Waiting parked events of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct ParkedReasonRow {
    pub reason: String,
    pub n_events: u64,
}

/// Lists a buyer's requests that were answered since a time, newest first.
pub async fn answered(pool: &PgPool, buyer_id: i64, since: DateTime<Utc>) -> sqlx::Result<Vec<AnsweredRow>> {
    sqlx::query_as!(
        AnsweredRow,
        "SELECT request.id, status, amount_minor, request.currency, account.name AS account
         FROM fund_requests request JOIN fund_accounts account ON account.id = fund_account_id
         WHERE request.buyer_id = $1 AND status IN ('approved', 'refused', 'topped_up') AND decided_at >= $2
         ORDER BY decided_at DESC, request.id DESC LIMIT $3",
        buyer_id,
        since,
        LIMIT,
    )
    .fetch_all(pool)
    .await
}

/// Lists a buyer's keys that end within a range of time, the first to end first.
pub async fn ending_keys(
    pool: &PgPool,
    buyer_id: i64,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<EndingKeyRow>> {
    sqlx::query_as!(
        EndingKeyRow,
        r#"SELECT campaigns.id AS campaign_id, campaigns.name, expires_at AS "expires_at!"
           FROM campaign_buyers
           JOIN campaigns ON campaigns.id = campaign_buyers.campaign_id AND archived_at IS NULL
           JOIN tracking_keys ON tracking_keys.campaign_id = campaigns.id
           WHERE user_id = $1 AND upper_inf(during) AND expires_at BETWEEN $2 AND $3
           ORDER BY expires_at, campaigns.id LIMIT $4"#,
        buyer_id,
        from,
        until,
        LIMIT,
    )
    .fetch_all(pool)
    .await
}

/// Returns those of the campaigns that are active and belong to a buyer now.
pub async fn running_campaigns(pool: &PgPool, buyer_id: i64, ids: &[i64]) -> sqlx::Result<Vec<NamedRow>> {
    sqlx::query_as!(
        NamedRow,
        "SELECT campaigns.id, name FROM campaigns
         JOIN campaign_buyers ON campaign_id = campaigns.id AND upper_inf(during)
         WHERE user_id = $1 AND campaigns.id = ANY ($2) AND archived_at IS NULL AND state = 'active'
         ORDER BY name, campaigns.id",
        buyer_id,
        ids,
    )
    .fetch_all(pool)
    .await
}

/// Returns those of the users who are active and members of a team now.
pub async fn present_members(pool: &PgPool, team_id: i64, ids: &[i64]) -> sqlx::Result<Vec<NamedRow>> {
    sqlx::query_as!(
        NamedRow,
        "SELECT users.id, username AS name FROM users
         JOIN memberships ON user_id = users.id AND upper_inf(during)
         WHERE team_id = $1 AND users.id = ANY ($2) AND is_active ORDER BY username, users.id",
        team_id,
        ids,
    )
    .fetch_all(pool)
    .await
}

/// Sums the requests of a status by currency: those of a team's present members, or all.
pub async fn requests(pool: &PgPool, status: &str, team_id: Option<i64>) -> sqlx::Result<Vec<WaitingRow>> {
    sqlx::query_as!(
        WaitingRow,
        r#"SELECT currency, count(*) AS "n_requests!",
                  least(sum(amount_minor), 999999999999999999)::bigint AS "amount_minor!"
           FROM fund_requests
           WHERE status = $1 AND ($2::bigint IS NULL OR buyer_id IN (
                     SELECT user_id FROM memberships WHERE team_id = $2 AND upper_inf(during)))
           GROUP BY currency ORDER BY currency"#,
        status,
        team_id,
    )
    .fetch_all(pool)
    .await
}

/// Lists the active accounts whose balance lasts for fewer days than their threshold, and those
/// that have money and spent some in the fortnight before `today`, but none in the last two days.
/// The runway counts the spend of seven full days.
pub async fn accounts(pool: &PgPool, today: NaiveDate) -> sqlx::Result<Vec<AccountRow>> {
    sqlx::query_as!(
        AccountRow,
        r#"SELECT account.id, account.name, account.currency, balance_minor, low_runway_days,
                  week AS "spent_minor!"
           FROM fund_accounts account
           JOIN ledger_accounts ON ledger_accounts.fund_account_id = account.id
           JOIN (SELECT fund_account_id,
                        least(coalesce(sum(spent_minor) FILTER (WHERE day BETWEEN $1::date - 7 AND $1::date - 1), 0),
                              999999999999999999)::bigint AS week,
                        coalesce(sum(spent_minor) FILTER (WHERE day >= $1::date - 2), 0) AS recent
                 FROM ledger_entries WHERE day BETWEEN $1::date - 14 AND $1 AND spent_minor <> 0
                 GROUP BY fund_account_id) spend ON spend.fund_account_id = account.id
           WHERE archived_at IS NULL AND state = 'active'
             AND ((week > 0 AND greatest(balance_minor, 0)::numeric * 7 / week < low_runway_days)
                  OR (recent = 0 AND balance_minor > 0))
           ORDER BY (week > 0 AND greatest(balance_minor, 0)::numeric * 7 / week < low_runway_days) DESC,
                    greatest(balance_minor, 0)::numeric / greatest(week, 1), account.id
           LIMIT $2"#,
        today,
        LIMIT,
    )
    .fetch_all(pool)
    .await
}

/// Counts the people who registered and wait for an Owner's approval.
pub async fn people_to_approve(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM users WHERE awaits_approval AND archived_at IS NULL"#
    )
    .fetch_one(pool)
    .await
}

/// Returns whether a campaign exists among those of the viewer, of the team's present members, or
/// among all.
pub async fn has_campaign(
    pool: &PgPool,
    is_all: bool,
    viewer_id: i64,
    team_id: Option<i64>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM campaigns JOIN campaign_buyers ON campaign_id = campaigns.id AND upper_inf(during)
               WHERE archived_at IS NULL
                 AND ($1 OR user_id = $2 OR user_id IN (
                         SELECT user_id FROM memberships WHERE team_id = $3 AND upper_inf(during)))) AS "exists!""#,
        is_all,
        viewer_id,
        team_id,
    )
    .fetch_one(pool)
    .await
}

/// Counts the waiting parked events by reason, most first.
pub async fn parked_reasons(client: &Client) -> clickhouse::error::Result<Vec<ParkedReasonRow>> {
    let sql = "SELECT toString(reason) AS name, count() AS n_events FROM parked WHERE state = 'waiting'
               GROUP BY name ORDER BY n_events DESC, name";
    fetch_all(client.query(sql)).await
}
