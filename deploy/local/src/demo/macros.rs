//! The parameters of a demo campaign's link, with the macros of the ad network filled in as the
//! network would.

use form_urlencoded::Serializer;
use rand::RngExt as _;
use rand::rngs::SmallRng;

use super::catalogue::{SOURCES, TrafficSource};
use super::credentials::Campaign;

/// Sometimes links are used without filling in the macros of the ad network.
pub(super) const MACROS_PER_MILLE: u32 = 6;

const KEYWORDS: &[&str] = &["wake up lamp", "sunrise alarm clock", "bedside lamp gift"];
const PLACEMENTS: &[&str] = &["feed", "article-mid", "sidebar"];
const NETWORKS: &[&str] = &["search", "partners"];
const DEVICES: &[&str] = &["mobile", "desktop", "tablet"];

/// Returns the kind of traffic of a campaign: that of its network, else direct traffic.
pub(super) fn source_of(campaign: &Campaign) -> &'static TrafficSource {
    let name = campaign.source.as_deref().unwrap_or_default();
    let known = SOURCES.iter().find(|source| !source.network.is_empty() && name.starts_with(source.network));
    known.unwrap_or(&SOURCES[SOURCES.len() - 1])
}

/// Returns the parameters of the link, as a query.
pub(super) fn fill(campaign: &Campaign, source: &TrafficSource, rng: &mut SmallRng) -> String {
    let mut query = Serializer::new(String::new());
    if let Some((utm_source, medium)) = source.utm {
        query.append_pair("utm_source", utm_source).append_pair("utm_medium", medium);
        query.append_pair("utm_campaign", pick(rng, source.campaigns));
    }
    for (parameter, text) in &campaign.macros {
        let value = value_of(parameter, campaign, source, rng);
        let forgotten = rng.random_range(0..1000) < MACROS_PER_MILLE;
        query.append_pair(parameter, if forgotten { text } else { &value });
    }
    if !campaign.click_id_param.is_empty() {
        query.append_pair(&campaign.click_id_param, &click_id(source, rng));
    }
    if source.cents.1 > 0 {
        if !campaign.macros.contains_key("cost") {
            query.append_pair("cost", &cost(source, rng));
        }
        query.append_pair("currency", "USD");
    }
    query.finish()
}

/// Returns the value of a macro. Ids are few for each campaign, so that reports have groups.
fn value_of(parameter: &str, campaign: &Campaign, source: &TrafficSource, rng: &mut SmallRng) -> String {
    let mut one_of = |own: &'static [&'static str], others: &'static [&'static str]| {
        pick(rng, if own.is_empty() { others } else { own }).to_owned()
    };
    match parameter {
        "keyword" => one_of(source.keywords, KEYWORDS),
        "placement" | "sub2" => one_of(source.subs.1, PLACEMENTS),
        "sub3" => one_of(&[], NETWORKS),
        "sub4" => one_of(&[], DEVICES),
        "external_id" => click_id(source, rng),
        "cost" => cost(source, rng),
        "ad_campaign_id" => (23_000_000 + campaign.id * 10 + rng.random_range(0..2)).to_string(),
        "creative_id" => (120_000_000 + campaign.id * 100 + rng.random_range(0..5)).to_string(),
        _ => (9_400_000 + campaign.id * 10 + rng.random_range(0..4)).to_string(),
    }
}

fn click_id(source: &TrafficSource, rng: &mut SmallRng) -> String {
    let prefix = source.click_id.map_or("", |(_, prefix)| prefix);
    format!("{prefix}{:016x}", rng.random::<u64>())
}

/// Returns the cost of a click in dollars.
fn cost(source: &TrafficSource, rng: &mut SmallRng) -> String {
    let (from, to) = if source.cents.1 > 0 { source.cents } else { (1, 6) };
    format!("{:.4}", f64::from(rng.random_range(from * 100..to * 100)) / 10_000.0)
}

/// Returns a random one of some texts.
pub(super) fn pick(rng: &mut SmallRng, from: &'static [&'static str]) -> &'static str {
    from[rng.random_range(0..from.len())]
}
