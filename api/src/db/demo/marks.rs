//! Marks the things that the demo's people created as the demo's, and finds them again. Archived
//! things count as present: things that were deleted on purpose are not created again.
//!
//! Ad accounts need no mark: an account of a demo buyer is the demo's
//! (`0016_demo_books.sql`).

use chrono::NaiveDate;
use sqlx::PgPool;

/// A campaign of the demo that receives visits.
#[derive(Debug, Clone)]
pub struct CampaignKeyRow {
    pub id: i64,
    pub name: String,
    pub user_id: i64,
    /// The newest key without an end.
    pub key: String,
    pub source: Option<String>,
    pub click_id_param: Option<String>,
    pub macros: Option<serde_json::Value>,
}

/// Returns the id of the demo's source with this name.
pub async fn source_id(pool: &PgPool, name: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT id FROM sources WHERE is_demo AND name = $1 ORDER BY id LIMIT 1", name)
        .fetch_optional(pool)
        .await
}

/// Returns the id of the demo's partner with this name.
pub async fn partner_id(pool: &PgPool, name: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!("SELECT id FROM partners WHERE is_demo AND name = $1 ORDER BY id LIMIT 1", name)
        .fetch_optional(pool)
        .await
}

/// Lists the names of the demo's ad accounts.
pub async fn fund_account_names(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT name FROM fund_accounts WHERE is_demo").fetch_all(pool).await
}

/// Returns whether the demo has exchange rates.
pub async fn has_fund_rates(pool: &PgPool) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM fund_rates WHERE is_demo) AS "exists!""#)
        .fetch_one(pool)
        .await
}

pub async fn mark_source(pool: &PgPool, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE sources SET is_demo = true WHERE id = $1", id).execute(pool).await?;
    Ok(())
}

pub async fn mark_partner(pool: &PgPool, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE partners SET is_demo = true WHERE id = $1", id).execute(pool).await?;
    Ok(())
}

pub async fn mark_campaign(pool: &PgPool, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE campaigns SET is_demo = true WHERE id = $1", id).execute(pool).await?;
    Ok(())
}

pub async fn mark_fund_rate(pool: &PgPool, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE fund_rates SET is_demo = true WHERE id = $1", id).execute(pool).await?;
    Ok(())
}

/// Lists the demo's campaigns with their buyers and newest keys. A campaign without a valid key is
/// left out.
pub async fn campaign_keys(pool: &PgPool) -> sqlx::Result<Vec<CampaignKeyRow>> {
    sqlx::query_as!(
        CampaignKeyRow,
        r#"SELECT campaign.id AS "id!", campaign.name AS "name!", buyer.user_id AS "user_id!", key AS "key!",
                  source.name AS "source?", click_id_param AS "click_id_param?", macros AS "macros?"
           FROM campaigns campaign
           JOIN campaign_buyers buyer ON buyer.campaign_id = campaign.id AND upper_inf(during)
           JOIN LATERAL (SELECT key FROM tracking_keys
                         WHERE tracking_keys.campaign_id = campaign.id AND expires_at IS NULL
                         ORDER BY created_at DESC, key LIMIT 1) newest ON true
           LEFT JOIN sources source ON source.id = source_id
           WHERE campaign.is_demo AND campaign.archived_at IS NULL AND state = 'active'
           ORDER BY campaign.id"#
    )
    .fetch_all(pool)
    .await
}

/// Returns whether a buyer has, or had, any campaign of the demo.
pub async fn has_campaigns(pool: &PgPool, user_id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM campaign_buyers JOIN campaigns ON campaigns.id = campaign_id
                          WHERE user_id = $1 AND is_demo) AS "exists!""#,
        user_id
    )
    .fetch_one(pool)
    .await
}

/// Returns whether there is a rate, the demo's or a real one, of a pair of currencies for a day.
pub async fn has_fund_rate(pool: &PgPool, base: &str, quote: &str, day: NaiveDate) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM fund_rates WHERE base = $1 AND quote = $2 AND day = $3) AS "exists!""#,
        base,
        quote,
        day
    )
    .fetch_one(pool)
    .await
}

/// Returns whether a team has a budget for any month.
pub async fn has_fund_budget(pool: &PgPool, team_id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM fund_budgets WHERE team_id = $1) AS "exists!""#,
        team_id
    )
    .fetch_one(pool)
    .await
}
