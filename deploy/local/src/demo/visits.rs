//! Generates visits and orders that look like paid traffic: a campaign or a buyer, a source with
//! its click id and sub ids, a browser, an address from the range of a real provider, and sometimes
//! a crawler. The traffic and the past of the demo and the load generator of `benches/` all use
//! this, so that the demo and the measurements have the same kind of traffic.
//!
//! A pure function of its random seed and of the given times.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use form_urlencoded::Serializer;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::catalogue::{
    BOTS, BROWSERS, COUNTRIES, Country, FIRST_NAMES, LAST_NAMES, SOURCES, STREETS, TrafficSource,
};
use super::credentials::Campaign;
use super::macros::{MACROS_PER_MILLE, fill, pick, source_of};

/// The address of the landing page in demo visits.
pub const PAGE: &str = "https://dawn.example.com/";

const BOTS_PER_MILLE: u32 = 45;
const MS_PER_DAY: u64 = 86_400_000;

/// One visit to a landing page, as the browser would report it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The id of the prospect: a UUIDv7 of the time of the visit.
    pub id: Uuid,
    /// Unix milliseconds.
    pub time_ms: u64,
    pub ip: IpAddr,
    pub user_agent: &'static str,
    /// The page with its query, which the browser sends as Referer.
    pub page: String,
    /// The query of the pixel: `k` or `user_id`, `pid`, the parameters of the page, `r` and `u`.
    pub pairs: String,
    /// The time between the visit and the order of the visitor, if there is an order.
    pub order_after: Option<Duration>,
    country: usize,
}

/// A filled-in order form. The customer does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderForm {
    pub prospect_id: Uuid,
    pub email: String,
    pub phone_number: String,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub delivery_address: String,
}

impl OrderForm {
    /// Returns the form as the browser posts it.
    #[must_use]
    pub fn to_pairs(&self) -> String {
        Serializer::new(String::new())
            .append_pair("prospect_id", &self.prospect_id.to_string())
            .append_pair("email", &self.email)
            .append_pair("phone_number", &self.phone_number)
            .append_pair("first_name", self.first_name)
            .append_pair("last_name", self.last_name)
            .append_pair("delivery_address", &self.delivery_address)
            .finish()
    }
}

/// An endless source of visits.
#[derive(Debug)]
pub struct Visits {
    rng: SmallRng,
    owners: Vec<Owner>,
}

/// The owner of a visit.
#[derive(Debug, Clone)]
enum Owner {
    Buyer(u64),
    Campaign(Box<Campaign>),
}

impl Visits {
    /// Returns visits of these buyers, of whom the first has the most. The same seed gives the same
    /// visits.
    ///
    /// # Panics
    /// When there is no buyer.
    #[must_use]
    pub fn new(users: &[u64], seed: u64) -> Self {
        assert!(!users.is_empty(), "a visit needs a buyer");
        Self { rng: SmallRng::seed_from_u64(seed), owners: users.iter().copied().map(Owner::Buyer).collect() }
    }

    /// Returns visits that carry the keys of these campaigns, with the macros of their sources
    /// filled in. The first campaign has the most visits.
    ///
    /// # Panics
    /// When there is no campaign.
    #[must_use]
    pub fn of_campaigns(campaigns: &[Campaign], seed: u64) -> Self {
        assert!(!campaigns.is_empty(), "a visit needs a campaign");
        let owners = campaigns.iter().map(|campaign| Owner::Campaign(Box::new(campaign.clone()))).collect();
        Self { rng: SmallRng::seed_from_u64(seed), owners }
    }

    /// Returns whether the visits carry tracking keys.
    #[must_use]
    pub fn have_keys(&self) -> bool {
        self.owners.iter().any(|owner| matches!(owner, Owner::Campaign(_)))
    }

    /// Returns a visit at a time in Unix milliseconds.
    pub fn next(&mut self, time_ms: u64) -> Visit {
        let id = uuid_at(time_ms, &mut self.rng);
        let rank = weighted(&mut self.rng, self.owners.len(), |rank| 12 / (rank as u32 + 2) + 1);
        let owner = self.owners[rank].clone();
        let source = match &owner {
            Owner::Campaign(campaign) => source_of(campaign),
            // Each buyer has a favourite source, so that they differ in the reports.
            Owner::Buyer(_) if self.rng.random_bool(0.4) => &SOURCES[rank % SOURCES.len()],
            Owner::Buyer(_) => {
                &SOURCES[weighted(&mut self.rng, SOURCES.len(), |index| SOURCES[index].weight)]
            }
        };
        let country = weighted(&mut self.rng, COUNTRIES.len(), |index| COUNTRIES[index].weight);
        let (user_agent, network, human) = self.visitor(&COUNTRIES[country]);
        let (identity, own) = match &owner {
            Owner::Campaign(campaign) => {
                (format!("k={}", campaign.key), fill(campaign, source, &mut self.rng))
            }
            Owner::Buyer(id) => (format!("user_id={id}"), self.own_parameters(source)),
        };
        let page = if own.is_empty() { PAGE.to_owned() } else { format!("{PAGE}?{own}") };
        let pairs = self.pixel_pairs(&identity, id, &own, source, &page);
        let orders = human && self.rng.random_range(0..1000) < source.orders_per_mille;
        let order_after = orders.then(|| Duration::from_secs(self.rng.random_range(60..900)));
        let ip = address(network, &mut self.rng);
        Visit { id, time_ms, ip, user_agent, page, pairs, order_after, country }
    }

    /// Returns the order of the visitor of a visit.
    pub fn order(&mut self, visit: &Visit) -> OrderForm {
        let country = &COUNTRIES[visit.country];
        let first_name = pick(&mut self.rng, FIRST_NAMES);
        let last_name = pick(&mut self.rng, LAST_NAMES);
        let street = pick(&mut self.rng, STREETS);
        let house = self.rng.random_range(1..180);
        let number = self.rng.random_range(0..100);
        let handle: String = format!("{first_name}.{last_name}")
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '.')
            .collect();
        OrderForm {
            prospect_id: visit.id,
            email: format!("{handle}{}@example.com", self.rng.random_range(1..1000)),
            phone_number: format!("{}{number:02}", country.phone),
            first_name,
            last_name,
            delivery_address: format!("{house} {street}, {}, {}", country.city, country.name),
        }
    }

    /// Returns a visit that carries another key than those of the campaigns.
    pub fn next_with_key(&mut self, time_ms: u64, key: &str) -> Visit {
        let mut visit = self.next(time_ms);
        if let Some((_, rest)) = visit.pairs.split_once('&') {
            visit.pairs = format!("k={key}&{rest}");
        }
        visit
    }

    /// Returns a random id with a time, for an order.
    pub fn id_at(&mut self, time_ms: u64) -> Uuid {
        uuid_at(time_ms, &mut self.rng)
    }

    /// Returns the pause until the next of randomly distributed events, `per_s` per second on
    /// average.
    pub fn pause(&mut self, per_s: f64) -> Duration {
        let share: f64 = self.rng.random();
        Duration::from_secs_f64((-(1.0 - share).ln() / per_s).min(60.0))
    }

    /// Returns a random number from 0 to below `span`.
    pub fn within(&mut self, span: u64) -> u64 {
        self.rng.random_range(0..span)
    }

    fn visitor(&mut self, country: &Country) -> (&'static str, &'static str, bool) {
        if self.rng.random_range(0..1000) < BOTS_PER_MILLE {
            let (user_agent, network) = BOTS[self.rng.random_range(0..BOTS.len())];
            return (user_agent, network, false);
        }
        let browser = weighted(&mut self.rng, BROWSERS.len(), |index| BROWSERS[index].0);
        (BROWSERS[browser].1, pick(&mut self.rng, country.networks), true)
    }

    /// Returns the parameters that the link of the ad adds to the address of the page.
    fn own_parameters(&mut self, source: &TrafficSource) -> String {
        let mut query = Serializer::new(String::new());
        if let Some((utm_source, medium)) = source.utm {
            query.append_pair("utm_source", utm_source).append_pair("utm_medium", medium);
            query.append_pair("utm_campaign", pick(&mut self.rng, source.campaigns));
        }
        if !source.keywords.is_empty() {
            query.append_pair("utm_term", pick(&mut self.rng, source.keywords));
        }
        if !source.subs.0.is_empty() {
            query.append_pair("sub1", pick(&mut self.rng, source.subs.0));
            let forgotten = self.rng.random_range(0..1000) < MACROS_PER_MILLE;
            let placement = if forgotten { "{placement}" } else { pick(&mut self.rng, source.subs.1) };
            query.append_pair("sub2", placement);
        }
        if let Some((name, prefix)) = source.click_id {
            query.append_pair(name, &format!("{prefix}{:016x}", self.rng.random::<u64>()));
        }
        if source.cents.1 > 0 {
            let (from, to) = source.cents;
            let cost = f64::from(self.rng.random_range(from * 100..to * 100)) / 10_000.0;
            query.append_pair("cost", &format!("{cost:.4}")).append_pair("currency", "USD");
        }
        query.finish()
    }

    fn pixel_pairs(
        &mut self,
        identity: &str,
        id: Uuid,
        own: &str,
        source: &TrafficSource,
        page: &str,
    ) -> String {
        let mut pairs = format!("{identity}&pid={}", id.hyphenated());
        if !own.is_empty() {
            pairs.push('&');
            pairs.push_str(own);
        }
        let mut rest = Serializer::new(String::new());
        if !source.referrers.is_empty() {
            rest.append_pair("r", pick(&mut self.rng, source.referrers));
        }
        pairs.push('&');
        pairs.push_str(&rest.append_pair("u", page).finish());
        pairs
    }
}

/// Returns how busy a time is, from 0 in the early morning to 1 in the evening (UTC), a little less
/// at the weekend.
#[must_use]
pub fn business(time_ms: u64) -> f64 {
    const QUIETEST_HOUR: f64 = 3.5;
    let hour = (time_ms % MS_PER_DAY) as f64 / 3_600_000.0;
    let turn = (hour - QUIETEST_HOUR) / 24.0 * std::f64::consts::TAU;
    // 1 January 1970 was a Thursday.
    let weekday = (time_ms / MS_PER_DAY + 4) % 7;
    let weekend = if weekday == 0 || weekday == 6 { 0.85 } else { 1.0 };
    (0.5 - 0.5 * turn.cos()).powf(1.3) * weekend
}

fn uuid_at(time_ms: u64, rng: &mut SmallRng) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(time_ms, &rng.random()).into_uuid()
}

fn weighted(rng: &mut SmallRng, len: usize, weight: impl Fn(usize) -> u32) -> usize {
    let total: u32 = (0..len).map(&weight).sum();
    let mut left = rng.random_range(0..total);
    for index in 0..len {
        let weight = weight(index);
        if left < weight {
            return index;
        }
        left -= weight;
    }
    len - 1
}

/// Returns a random address of a network written as `address/prefix`, never its first or last one.
fn address(network: &str, rng: &mut SmallRng) -> IpAddr {
    let (base, prefix) = network.split_once('/').expect("networks in the catalogue have a prefix");
    let prefix: u32 = prefix.parse().expect("prefixes in the catalogue are numbers");
    match base.parse().expect("networks in the catalogue are addresses") {
        IpAddr::V4(base) => {
            let hosts = 1_u32 << (32 - prefix);
            IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() + rng.random_range(1..hosts - 1)))
        }
        IpAddr::V6(base) => {
            let hosts = 1_u128 << (128 - prefix);
            IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() + rng.random_range(1..hosts - 1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: u64 = 1_795_003_200_000;

    #[test]
    fn the_same_seed_gives_the_same_visits() {
        let (mut left, mut right) = (Visits::new(&[3, 4], 7), Visits::new(&[3, 4], 7));
        for _ in 0..200 {
            assert_eq!(left.next(NOON_MS), right.next(NOON_MS));
        }
    }

    #[test]
    fn visits_are_complete_and_their_ids_carry_their_time() {
        let mut visits = Visits::new(&[3, 4, 5], 1);
        let (mut orders, mut bots) = (0, 0);
        for n in 0..10_000 {
            let visit = visits.next(NOON_MS + n);
            let (seconds, nanos) = visit.id.get_timestamp().unwrap().to_unix();
            assert_eq!(seconds * 1000 + u64::from(nanos) / 1_000_000, NOON_MS + n);
            assert!(visit.pairs.starts_with("user_id="), "{}", visit.pairs);
            assert!(visit.pairs.contains(&format!("pid={}", visit.id)));
            assert!(visit.pairs.len() < 1000 && visit.user_agent.len() < 400);
            if let Some(after) = visit.order_after {
                orders += 1;
                assert!(after >= Duration::from_secs(60));
                let form = visits.order(&visit);
                assert!(form.email.ends_with("@example.com") && form.email.is_ascii());
                assert!(form.phone_number.len() <= 20, "{}", form.phone_number);
            }
            bots += u32::from(BOTS.iter().any(|(user_agent, _)| *user_agent == visit.user_agent));
        }
        assert!((200..500).contains(&orders), "{orders}");
        assert!((300..600).contains(&bots), "{bots}");
    }

    #[test]
    fn visits_of_campaigns_carry_their_keys_with_macros_filled_in() {
        let campaign: Campaign = serde_json::from_value(serde_json::json!({
            "id": 4, "key": "7qk2m9xw4tbvhr32", "user_id": 3, "source": "Google Ads (demo)",
            "click_id_param": "gclid",
            "macros": {"creative_id": "{creative}", "keyword": "{keyword}", "sub1": "{adgroupid}"},
        }))
        .unwrap();
        let mut visits = Visits::of_campaigns(&[campaign], 1);
        assert!(visits.have_keys() && !Visits::new(&[3], 1).have_keys());
        let mut unfilled = 0;
        for n in 0..3000 {
            let visit = visits.next(NOON_MS + n);
            assert!(
                visit.pairs.starts_with(&format!("k=7qk2m9xw4tbvhr32&pid={}&", visit.id)),
                "{}",
                visit.pairs
            );
            let pairs: Vec<_> = form_urlencoded::parse(visit.pairs.as_bytes()).collect();
            for name in ["creative_id", "keyword", "sub1", "gclid", "utm_source", "r", "u"] {
                assert!(
                    pairs.iter().any(|(found, value)| found == name && !value.is_empty()),
                    "{name}: {pairs:?}"
                );
            }
            unfilled += u32::from(pairs.iter().any(|(_, value)| value.starts_with('{')));
            assert!(visit.pairs.len() < 1000);
        }
        assert!((10..150).contains(&unfilled), "{unfilled}");
        let lost = visits.next_with_key(NOON_MS, "another");
        assert!(lost.pairs.starts_with(&format!("k=another&pid={}", lost.id)), "{}", lost.pairs);
    }

    #[test]
    fn the_day_has_a_quiet_night_and_a_busy_evening() {
        let midnight = NOON_MS - NOON_MS % MS_PER_DAY;
        let at = |hour: u64| business(midnight + hour * 3_600_000);
        assert!(at(3) < 0.1 && at(15) > 0.8 && at(9) > at(5));
    }
}
