//! Campaigns in Postgres, each with its current buyer. Locks are taken in the order of migration
//! 0005: users first, then the campaign.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool};

use crate::db::list_query::{Keyed, ListQuery};
use crate::db::sort::{Column, Key, Order, Sorting};
use crate::db::tracking_keys::KeyRow;

/// A campaign.
#[derive(Debug, Clone, FromRow)]
pub struct CampaignRow {
    pub id: i64,
    pub name: String,
    pub user_id: i64,
    /// The buyer's current team.
    pub team_id: Option<i64>,
    /// Whether the buyer has run it only since they are in that team.
    pub is_of_team: bool,
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
    pub archived_at: Option<DateTime<Utc>>,
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
    /// The `ILIKE` patterns of the words to search for.
    pub q: Vec<String>,
    pub is_archived: bool,
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

pub const SORTING: Sorting = Sorting::new(
    "name",
    &[Key::number("campaigns.id")],
    &[
        Column::new("name", &[Key::text("lower(campaigns.name)")]),
        Column::new("id", &[]),
        Column::new(
            "user_id",
            &[Key::text("(SELECT username_key FROM users WHERE users.id = campaign_buyers.user_id)")],
        ),
        Column::new("source", &[Key::text("lower(sources.name)").or_null()]),
        Column::new(
            "partner",
            &[Key::text("(SELECT lower(name) FROM partners WHERE partners.id = partner_id)").or_null()],
        ),
        Column::new("state", &[Key::text("state")]),
        Column::new("payout", &[Key::text("campaigns.currency"), Key::number("payout_minor").or_null()]),
        Column::new("created_at", &[Key::time("campaigns.created_at")]),
        Column::new("archived_at", &[Key::time("campaigns.archived_at").or_null()]),
    ],
);

const COLUMNS: &str = "campaigns.id, campaigns.name, campaign_buyers.user_id, memberships.team_id,
    coalesce(greatest(lower(campaign_buyers.during), campaigns.created_at) >= lower(memberships.during), false)
        AS is_of_team, source_id,
    partner_id, state, sites, redirects, payout_minor, campaigns.currency, tags, campaigns.version,
    campaigns.archived_at, coalesce(sources.macros, '{}') AS macros,
    (SELECT coalesce(jsonb_agg(newest), '[]') FROM (
         SELECT key, created_at, expires_at, expires_at IS NULL OR expires_at > clock_timestamp() AS is_valid
         FROM tracking_keys WHERE campaign_id = campaigns.id
         ORDER BY is_valid DESC, created_at DESC, key LIMIT 100) newest) AS keys";

const FROM: &str = "campaigns
    JOIN campaign_buyers ON campaign_id = campaigns.id AND upper_inf(campaign_buyers.during)
    LEFT JOIN memberships
        ON memberships.user_id = campaign_buyers.user_id AND upper_inf(memberships.during)
    LEFT JOIN sources ON sources.id = source_id";

pub async fn list(
    pool: &PgPool,
    filter: &CampaignFilter,
    order: &Order,
) -> sqlx::Result<Vec<Keyed<CampaignRow>>> {
    ListQuery::new(order, COLUMNS, FROM)
        .archived("campaigns.archived_at", filter.is_archived)
        .when("campaign_buyers.user_id = ?", filter.own_user)
        .when("memberships.team_id = ?", filter.own_team)
        .when("campaign_buyers.user_id = ?", filter.user_id)
        .when("memberships.team_id = ?", filter.team_id)
        .when("source_id = ?", filter.source_id)
        .when("partner_id = ?", filter.partner_id)
        .when("state = ?", filter.state)
        .when("? = ANY (tags)", filter.tag.as_deref())
        .for_each("campaigns.name ILIKE ?", &filter.q)
        .fetch(pool)
        .await
}

/// Finds a campaign that is not archived.
pub async fn find(executor: impl PgExecutor<'_>, id: i64) -> sqlx::Result<Option<CampaignRow>> {
    let query = ListQuery::one(COLUMNS, FROM).archived("campaigns.archived_at", false);
    query.when("campaigns.id = ?", Some(id)).fetch_one(executor).await
}

/// Finds a campaign and locks it until the transaction ends.
pub async fn lock_exclusive(connection: &mut PgConnection, id: i64) -> sqlx::Result<Option<CampaignRow>> {
    lock_row(connection, id).await?;
    find(connection, id).await
}

/// Finds an archived campaign and locks it until the transaction ends.
pub async fn lock_exclusive_archived(
    connection: &mut PgConnection,
    id: i64,
) -> sqlx::Result<Option<CampaignRow>> {
    lock_row(connection, id).await?;
    let query = ListQuery::one(COLUMNS, FROM).archived("campaigns.archived_at", true);
    query.when("campaigns.id = ?", Some(id)).fetch_one(connection).await
}

async fn lock_row(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("SELECT id FROM campaigns WHERE id = $1 FOR NO KEY UPDATE", id)
        .fetch_optional(connection)
        .await?;
    Ok(())
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

/// Brings an archived campaign back.
pub async fn restore(connection: &mut PgConnection, id: i64) -> sqlx::Result<()> {
    sqlx::query!("UPDATE campaigns SET archived_at = NULL, version = version + 1 WHERE id = $1", id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The source and the partner of a campaign; 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignLinksRow {
    pub id: i64,
    pub source_id: i64,
    pub partner_id: i64,
}

/// Lists the campaigns that have a source or a partner, also the archived ones.
pub async fn links(pool: &PgPool) -> sqlx::Result<Vec<CampaignLinksRow>> {
    sqlx::query_as!(
        CampaignLinksRow,
        r#"SELECT id, coalesce(source_id, 0) AS "source_id!", coalesce(partner_id, 0) AS "partner_id!"
           FROM campaigns WHERE source_id IS NOT NULL OR partner_id IS NOT NULL"#,
    )
    .fetch_all(pool)
    .await
}
