//! The demo's sources from the templates of real networks, its partners, and two campaigns of each
//! buyer.

use anyhow::Context as _;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::client::Api;
use super::people::DemoUser;
use crate::db::demo;

/// The templates of the demo's sources.
const NETWORKS: [&str; 5] = ["Google Ads", "Meta Ads", "TikTok Ads", "PropellerAds", "Taboola"];

/// Name, currency, and the words of the partner for statuses.
type Partner = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PARTNERS: [Partner; 2] = [
    (
        "Halden Home (demo)",
        "USD",
        &[
            ("delivered", "sale"),
            ("not at home", "rejected"),
            ("no such number", "trash"),
            ("second lamp", "rebill"),
        ],
    ),
    (
        "Nordlicht (demo)",
        "EUR",
        &[("bezahlt", "sale"), ("storniert", "rejected"), ("dublette", "trash"), ("retoure", "chargeback")],
    ),
];

struct Campaign {
    username: &'static str,
    name: &'static str,
    network: &'static str,
    partner: usize,
    payout: &'static str,
    tags: &'static [&'static str],
}

const CAMPAIGNS: [Campaign; 10] = [
    campaign("demo_buyer1", "Dawn lamp, search US", "Google Ads", 0, "24.00", &["search", "us"]),
    campaign("demo_buyer1", "Dawn lamp, feed US", "Meta Ads", 0, "22.50", &["social", "us"]),
    campaign("demo_buyer2", "Dawn lamp, morning routine", "TikTok Ads", 0, "19.00", &["social", "video"]),
    campaign("demo_buyer2", "Dawn lamp, retargeting", "Meta Ads", 0, "21.00", &["social", "retargeting"]),
    campaign("demo_buyer3", "Dawn lamp, push", "PropellerAds", 0, "15.00", &["push"]),
    campaign("demo_buyer3", "Dawn lamp, advertorial", "Taboola", 1, "20.00", &["native", "eu"]),
    campaign("demo_buyer4", "Sunrise clock, search DE", "Google Ads", 1, "23.00", &["search", "de"]),
    campaign("demo_buyer4", "Sunrise clock, native DE", "Taboola", 1, "18.50", &["native", "de"]),
    campaign("demo_buyer5", "Sunrise clock, dorm room", "TikTok Ads", 0, "17.00", &["social", "video"]),
    campaign("demo_buyer5", "Sunrise clock, push", "PropellerAds", 0, "14.50", &["push"]),
];

const fn campaign(
    username: &'static str,
    name: &'static str,
    network: &'static str,
    partner: usize,
    payout: &'static str,
    tags: &'static [&'static str],
) -> Campaign {
    Campaign { username, name, network, partner, payout, tags }
}

/// Returns the name of the demo's source of a network. Real sources keep the plain name.
pub(super) fn source_name(network: &str) -> String {
    format!("{network} (demo)")
}

/// Creates the missing sources and partners, and the campaigns of buyers who have none.
pub(super) async fn create(pool: &PgPool, api: &Api, users: &[DemoUser]) -> anyhow::Result<()> {
    create_sources(pool, api).await?;
    let mut partner_ids = Vec::new();
    for partner in &PARTNERS {
        partner_ids.push(create_partner(pool, api, partner).await?);
    }
    for user in users {
        let own = || CAMPAIGNS.iter().filter(|campaign| campaign.username == user.username);
        if own().next().is_none() || demo::has_campaigns(pool, user.id).await.context("postgres")? {
            continue;
        }
        for campaign in own() {
            let source = demo::source_id(pool, &source_name(campaign.network)).await.context("postgres")?;
            let partner = partner_ids.get(campaign.partner);
            let id = create_campaign(api, campaign, source, partner.copied()).await?;
            demo::mark_campaign(pool, id).await.context("postgres")?;
        }
    }
    Ok(())
}

async fn create_sources(pool: &PgPool, api: &Api) -> anyhow::Result<()> {
    for network in NETWORKS {
        let name = source_name(network);
        if demo::source_id(pool, &name).await.context("postgres")?.is_some() {
            continue;
        }
        let templates = api.get("demo_owner", "/api/sources/templates/").await?;
        let template =
            templates.as_array().into_iter().flatten().find(|template| template["name"] == network);
        let mut source = template.cloned().with_context(|| format!("there is no template {network}"))?;
        source["name"] = Value::from(name);
        let id = api.create("demo_owner", "/api/sources/create/", &source).await?;
        demo::mark_source(pool, id).await.context("postgres")?;
    }
    Ok(())
}

async fn create_partner(pool: &PgPool, api: &Api, partner: &Partner) -> anyhow::Result<i64> {
    let (name, currency, words) = partner;
    if let Some(id) = demo::partner_id(pool, name).await.context("postgres")? {
        return Ok(id);
    }
    let status_map: Value = words.iter().map(|(word, status)| (*word, *status)).collect();
    let body = json!({"name": name, "currency": currency, "status_map": status_map});
    let id = api.create("demo_owner", "/api/partners/create/", &body).await?;
    demo::mark_partner(pool, id).await.context("postgres")?;
    Ok(id)
}

async fn create_campaign(
    api: &Api,
    campaign: &Campaign,
    source: Option<i64>,
    partner: Option<i64>,
) -> anyhow::Result<i64> {
    let page = demo::PAGE.trim_end_matches('/');
    let body = json!({
        "name": campaign.name,
        "source": source,
        "partner": partner,
        "sites": [page],
        "redirects": [format!("{page}/thanks")],
        "payout": campaign.payout,
        "currency": PARTNERS[campaign.partner].1,
        "tags": campaign.tags,
    });
    api.create(campaign.username, "/api/campaigns/create/", &body).await
}
