//! Deletes the demo from Postgres. Things to which a real thing still refers are archived instead.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use crate::db::users::{self, LAST_OWNER};
use crate::db::violated_constraint;

/// Deletes the demo's money, campaigns, sources, partners, teams and users. Returns the number of
/// users. Lines of the audit trail stay.
pub async fn delete_people(pool: &PgPool, now: DateTime<Utc>) -> anyhow::Result<u64> {
    let mut transaction = pool.begin().await?;
    sqlx::query!(
        "DELETE FROM memberships WHERE user_id IN (SELECT id FROM users WHERE is_demo)
            OR team_id IN (SELECT id FROM teams WHERE is_demo)"
    )
    .execute(&mut *transaction)
    .await?;
    delete_decisions(&mut transaction).await?;
    delete_funds(&mut transaction).await?;
    delete_campaigns(&mut transaction, now).await?;
    delete_teams(&mut transaction, now).await?;
    let n_users = delete_users(&mut transaction, now).await?;
    transaction.commit().await?;
    Ok(n_users)
}

/// Deletes the decisions about parked events that name the demo's campaigns or users, and those by
/// its users that name nothing real.
async fn delete_decisions(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM parked_decisions WHERE user_id IN (SELECT id FROM users WHERE is_demo)
            OR campaign_id IN (
                SELECT campaign_id FROM campaign_buyers JOIN users ON users.id = user_id
                WHERE users.is_demo AND upper_inf(during))
            OR campaign_id IS NULL AND user_id IS NULL
                AND decided_by IN (SELECT id FROM users WHERE is_demo)"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the demo's accounts with their requests and the books of the demo, in the order of their
/// references. A budget stays if a real request was approved within it.
async fn delete_funds(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM spend_references USING fund_accounts account
         WHERE account.id = fund_account_id AND account.is_demo"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM ledger_postings USING ledger_accounts account
         WHERE account.id = account_id AND account.is_demo"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM ledger_entries USING fund_accounts account
         WHERE account.id = fund_account_id AND account.is_demo"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM ledger_accounts WHERE is_demo").execute(&mut *connection).await?;
    sqlx::query!(
        "DELETE FROM fund_requests USING fund_accounts account
         WHERE account.id = fund_account_id AND account.is_demo"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM fund_account_buyers USING fund_accounts account
         WHERE account.id = fund_account_id AND account.is_demo"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM fund_accounts WHERE is_demo").execute(&mut *connection).await?;
    sqlx::query!("DELETE FROM fund_rates WHERE is_demo").execute(&mut *connection).await?;
    sqlx::query!(
        "DELETE FROM fund_budgets budget USING teams
         WHERE teams.id = team_id AND teams.is_demo
           AND NOT EXISTS (SELECT FROM fund_requests WHERE budget_id = budget.id)"
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the demo's campaigns, then sources and partners. A campaign goes with its current buyer.
/// One that was handed over stays with its new buyer, without the periods of the demo's users.
/// Sources and partners of real campaigns are archived and no longer belong to the demo. A later
/// demo has its own.
async fn delete_campaigns(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM campaigns WHERE id IN (
             SELECT campaign_id FROM campaign_buyers JOIN users ON users.id = user_id
             WHERE users.is_demo AND upper_inf(during))
         OR is_demo AND NOT EXISTS (
             SELECT FROM campaign_buyers WHERE campaign_id = campaigns.id AND upper_inf(during))"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("UPDATE campaigns SET is_demo = false WHERE is_demo").execute(&mut *connection).await?;
    sqlx::query!("DELETE FROM campaign_buyers USING users WHERE users.id = user_id AND is_demo")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "DELETE FROM sources WHERE is_demo
            AND NOT EXISTS (SELECT FROM campaigns WHERE source_id = sources.id)
            AND NOT EXISTS (SELECT FROM fund_accounts WHERE source_id = sources.id)"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE sources SET archived_at = coalesce(archived_at, $1), is_demo = false WHERE is_demo",
        now
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM partners WHERE is_demo
            AND NOT EXISTS (SELECT FROM campaigns WHERE partner_id = partners.id)"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE partners SET archived_at = coalesce(archived_at, $1), is_demo = false WHERE is_demo",
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn delete_teams(connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("UPDATE teams SET lead_id = NULL WHERE lead_id IN (SELECT id FROM users WHERE is_demo)")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "DELETE FROM teams WHERE is_demo AND NOT EXISTS (SELECT FROM fund_budgets WHERE team_id = teams.id)"
    )
    .execute(&mut *connection)
    .await?;
    // With a later demo they would be taken for its teams.
    sqlx::query!(
        "UPDATE teams SET archived_at = coalesce(archived_at, $1), lead_id = NULL, is_demo = false WHERE is_demo",
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the users to whom nothing refers any more. Archives the others, who decided about real
/// requests or recorded real money.
async fn delete_users(connection: &mut PgConnection, now: DateTime<Utc>) -> anyhow::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM users WHERE is_demo
            AND NOT EXISTS (SELECT FROM ledger_entries WHERE actor_id = users.id)
            AND NOT EXISTS (SELECT FROM fund_requests WHERE users.id IN (buyer_id, decided_by))
            AND NOT EXISTS (SELECT FROM fund_accounts WHERE buyer_id = users.id)
            AND NOT EXISTS (SELECT FROM fund_account_buyers WHERE buyer_id = users.id)
            AND NOT EXISTS (SELECT FROM parked_decisions WHERE users.id IN (decided_by, revoked_by))"
    )
    .execute(&mut *connection)
    .await?;
    let kept = sqlx::query_scalar!("SELECT id FROM users WHERE is_demo AND archived_at IS NULL ORDER BY id")
        .fetch_all(&mut *connection)
        .await?;
    for id in &kept {
        let archived = users::archive(connection, *id, now).await;
        archived.map_err(|error| match violated_constraint(&error) {
            Some(LAST_OWNER) => anyhow::anyhow!(
                "real data refer to the demo's Owner, who is the only one: run `sluice-api create-owner` first"
            ),
            _ => error.into(),
        })?;
    }
    Ok(deleted.rows_affected() + kept.len() as u64)
}
