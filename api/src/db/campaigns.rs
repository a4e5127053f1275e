//! Campaigns in Postgres, each with its current buyer. Locks are taken in the order of migration
//! 0005: users first, then the campaign.

use std::collections::BTreeMap;

use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::db::begin_with_custom_plans;
use crate::db::name_filter::NameFilter;
use crate::db::tracking_keys::KeyRow;

/// A campaign that is not archived.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    pub id: i64,
    pub name: String,
    /// The sort key.
    pub name_key: String,
    pub user_id: i64,
    /// The buyer's current team.
    pub team_id: Option<i64>,
    pub source_id: Option<i64>,
    /// The macros of the source; empty without a source.
    pub macros: Json<BTreeMap<String, String>>,
    pub partner_id: Option<i64>,
    pub state: String,
    pub sites: Vec<String>,
    pub redirects: Vec<String>,
    pub payout_minor: Option<i64>,
    pub currency: String,
    pub tags: Vec<String>,
    /// Valid keys first, then newest first.
    pub keys: Json<Vec<KeyRow>>,
    pub version: i64,
}

/// The columns of a campaign to insert or update, except its buyer.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    pub name: String,
    pub source_id: Option<i64>,
    pub partner_id: Option<i64>,
    pub state: &'static str,
    pub sites: Vec<String>,
    pub redirects: Vec<String>,
    pub payout_minor: Option<i64>,
    pub currency: String,
    pub tags: Vec<String>,
}

/// Filters of a list of campaigns.
#[derive(Debug, Clone)]
pub struct CampaignFilter {
    pub named: NameFilter,
    /// The viewer may see only this buyer's campaigns.
    pub own_user: Option<i64>,
    /// The viewer may see only campaigns of this team's members; 0 if the viewer has no team.
    pub own_team: Option<i64>,
    pub user_id: Option<i64>,
    pub team_id: Option<i64>,
    pub source_id: Option<i64>,
    pub partner_id: Option<i64>,
    pub state: Option<&'static str>,
    pub tag: Option<String>,
}

/// Selects campaigns. The list of literals completes the `WHERE` clause.
macro_rules! select {
    ([$($rest:literal),+], $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            CampaignRow,
            r#"SELECT campaigns.id, campaigns.name, lower(campaigns.name) AS "name_key!", campaign_buyers.user_id,
                      memberships.team_id AS "team_id?", source_id, partner_id, state, sites, redirects, payout_minor,
                      campaigns.currency, tags, campaigns.version,
                      coalesce(sources.macros, '{}') AS "macros!: Json<BTreeMap<String, String>>",
                      (SELECT coalesce(jsonb_agg(newest), '[]') FROM (
                           SELECT key, created_at, expires_at,
                                  expires_at IS NULL OR expires_at > clock_timestamp() AS is_valid
                           FROM tracking_keys WHERE campaign_id = campaigns.id
                           ORDER BY is_valid DESC, created_at DESC, key LIMIT 100) newest)
                          AS "keys!: Json<Vec<KeyRow>>"
               FROM campaigns
               JOIN campaign_buyers ON campaign_id = campaigns.id AND upper_inf(campaign_buyers.during)
               LEFT JOIN memberships
                   ON memberships.user_id = campaign_buyers.user_id AND upper_inf(memberships.during)
               LEFT JOIN sources ON sources.id = source_id
               WHERE campaigns.archived_at IS NULL AND "#
                $(+ $rest)+,
            $($argument),+
        )
    };
}

/// Lists campaigns by name.
pub async fn list(pool: &PgPool, filter: &CampaignFilter) -> sqlx::Result<Vec<CampaignRow>> {
    let mut planned = begin_with_custom_plans(pool).await?;
    macro_rules! page {
        ($after:literal, $order:literal) => {
            select!(
                [
                    "($1::bigint IS NULL OR campaign_buyers.user_id = $1)
                     AND ($2::bigint IS NULL OR memberships.team_id = $2)
                     AND ($3::bigint IS NULL OR campaign_buyers.user_id = $3)
                     AND ($4::bigint IS NULL OR memberships.team_id = $4)
                     AND ($5::bigint IS NULL OR source_id = $5)
                     AND ($6::bigint IS NULL OR partner_id = $6)
                     AND ($7::text IS NULL OR state = $7)
                     AND ($8::text IS NULL OR $8 = ANY (tags))
                     AND ($9::text IS NULL OR campaigns.name ILIKE $9)
                     AND ($10::text IS NULL OR ",
                    $after,
                    ") ORDER BY ",
                    $order,
                    " LIMIT $12"
                ],
                filter.own_user,
                filter.own_team,
                filter.user_id,
                filter.team_id,
                filter.source_id,
                filter.partner_id,
                filter.state,
                filter.tag.as_deref(),
                filter.named.q.as_deref(),
                filter.named.after_name(),
                filter.named.after_id(),
                filter.named.n_rows(),
            )
            .fetch_all(&mut *planned)
            .await
        };
    }
    if filter.named.is_descending {
        page!(
            "(lower(campaigns.name), campaigns.id) < ($10, $11::bigint)",
            "lower(campaigns.name) DESC, campaigns.id DESC"
        )
    } else {
        page!(
            "(lower(campaigns.name), campaigns.id) > ($10, $11::bigint)",
            "lower(campaigns.name), campaigns.id"
        )
    }
}

pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<CampaignRow>> {
    select!(["campaigns.id = $1"], id).fetch_optional(executor).await
}

/// Finds a campaign and locks it until the transaction ends.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<CampaignRow>> {
    sqlx::query!("SELECT id FROM campaigns WHERE id = $1 FOR NO KEY UPDATE", id)
        .fetch_optional(&mut *connection)
        .await?;
    find(connection, id).await
}

/// Inserts a campaign that has belonged to this buyer from the beginning of time. Returns its id.
///
/// # Errors
/// Fails if the user is not a Buyer.
pub async fn insert(connection: &mut PgConnection, new: &NewCampaign, user_id: i64) -> sqlx::Result<i64> {
    let id = sqlx::query_scalar!(
        "INSERT INTO campaigns (name, source_id, partner_id, state, sites, redirects, payout_minor, currency, tags)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        new.name,
        new.source_id,
        new.partner_id,
        new.state,
        &new.sites,
        &new.redirects,
        new.payout_minor,
        new.currency,
        &new.tags,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!("INSERT INTO campaign_buyers (campaign_id, user_id) VALUES ($1, $2)", id, user_id)
        .execute(connection)
        .await?;
    Ok(id)
}

pub async fn update(connection: &mut PgConnection, id: i64, new: &NewCampaign) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE campaigns SET name = $2, source_id = $3, partner_id = $4, state = $5, sites = $6, redirects = $7,
                              payout_minor = $8, currency = $9, tags = $10, version = version + 1
         WHERE id = $1",
        id,
        new.name,
        new.source_id,
        new.partner_id,
        new.state,
        &new.sites,
        &new.redirects,
        new.payout_minor,
        new.currency,
        &new.tags,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a campaign to another buyer from now on. Earlier events stay with the previous buyer.
///
/// # Errors
/// Fails if the user is not a Buyer.
pub async fn hand_over(connection: &mut PgConnection, id: i64, user_id: i64) -> sqlx::Result<()> {
    sqlx::query!("SELECT hand_over_campaign($1, $2)", id, user_id).execute(connection).await?;
    Ok(())
}

/// Increments the version after a change to the campaign's keys.
pub async fn touch(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE campaigns SET version = version + 1 WHERE id = $1", id).execute(connection).await?;
    Ok(())
}

/// Hides a campaign from all lists. Its events stay.
pub async fn archive(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE campaigns SET archived_at = clock_timestamp(), version = version + 1 WHERE id = $1",
        id
    )
    .execute(connection)
    .await?;
    Ok(())
}
