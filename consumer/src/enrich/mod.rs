//! Device, system, browser, bot and country of an event, from its user agent and address. Answers
//! depend on the input and the loaded data sets alone.
//!
//! The rules for user agents (`agents`) and the list of crawlers (`crawlers`) come with the
//! program, from `consumer/data/`. A file that the configuration names takes their place. Countries
//! come from a file alone. [`classifier`] loads changed files again.
//!
//! User agents are cached: a few thousand make up nearly all traffic. The rules that come with the
//! program are compiled once for the process, when the first user agent is read.

mod agents;
pub mod classifier;
mod countries;
mod crawlers;
pub mod data;

use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use self::agents::Agents;
use self::countries::Countries;
use self::crawlers::Crawlers;
use self::data::{DataError, DataFiles, Edition, Editions};

/// The facts in a user agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// `desktop`, `mobile`, `tablet`, `tv`, `other`.
    pub device: &'static str,
    pub os: String,
    pub browser: String,
    /// Empty for a human, else the reason: the name of a known crawler or library, `user_agent` for
    /// one without a name, or `no_user_agent`.
    pub bot: String,
}

/// The facts of a user agent and an address. A prospect's orders inherit them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dimensions {
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    pub bot: String,
}

const AGENTS: &str = include_str!("../../data/agents.json");
const CRAWLERS: &str = include_str!("../../data/crawlers.json");
static BUILT_IN_AGENTS: LazyLock<Agents> =
    LazyLock::new(|| Agents::parse(AGENTS).expect("the tests read the rules that come with the program"));
static BUILT_IN_CRAWLERS: LazyLock<Crawlers> =
    LazyLock::new(|| Crawlers::parse(CRAWLERS).expect("the tests read the list that comes with the program"));
static BUILT_IN_EDITIONS: LazyLock<[Edition; 2]> = LazyLock::new(|| {
    [AGENTS, CRAWLERS]
        .map(|text| serde_json::from_str(text).expect("the tests read what comes with the program"))
});

impl Dimensions {
    /// The columns of visits and orders that have them.
    pub const COLUMNS: [&str; 5] = ["country", "device", "os", "browser", "bot"];
}

/// Looks up user agents and countries. Shared by all partitions.
pub struct Enricher {
    /// `None` for the one that comes with the program.
    agents: Option<Agents>,
    crawlers: Option<Crawlers>,
    countries: Option<Countries>,
    cache: Cache<Box<[u8]>, Arc<Agent>>,
    editions: Editions,
    rules: String,
}

/// User agents in the cache; about 300 bytes each.
const N_CACHED: usize = 20_000;

impl Enricher {
    /// Loads the data sets.
    ///
    /// # Errors
    /// If a file cannot be read, or is not such a data set.
    pub fn load(files: &DataFiles) -> Result<Self, DataError> {
        let [own_agents, own_crawlers] = &*BUILT_IN_EDITIONS;
        let (agents, agents_edition) = load_rules("agents.rules", &files.agents, own_agents, Agents::parse)?;
        let (crawlers, crawlers_edition) =
            load_rules("agents.crawlers", &files.crawlers, own_crawlers, Crawlers::parse)?;
        let countries = (!files.countries.as_os_str().is_empty())
            .then(|| Countries::open(&files.countries))
            .transpose()
            .map_err(|reason| DataError { key: "geo.database", reason })?;
        let editions = Editions {
            agents: agents_edition,
            crawlers: crawlers_edition,
            countries: countries.as_ref().map(Countries::edition),
        };
        let rules = editions.to_string();
        Ok(Self { agents, crawlers, countries, cache: Cache::new(N_CACHED), editions, rules })
    }

    /// The versions of the loaded data sets.
    #[must_use]
    pub fn editions(&self) -> &Editions {
        &self.editions
    }

    /// The same as a text, for rows.
    #[must_use]
    pub fn rules(&self) -> &str {
        &self.rules
    }

    /// Reads an address and a user agent.
    #[must_use]
    pub fn dimensions(&self, ip: Ipv6Addr, user_agent: &[u8]) -> Dimensions {
        let agent = self.agent(user_agent);
        Dimensions {
            country: self.country(ip).to_owned(),
            device: agent.device.to_owned(),
            os: agent.os.clone(),
            browser: agent.browser.clone(),
            bot: agent.bot.clone(),
        }
    }

    /// Reads a user agent.
    #[must_use]
    pub fn agent(&self, user_agent: &[u8]) -> Arc<Agent> {
        if let Some(agent) = self.cache.get(user_agent) {
            return agent;
        }
        let agent = Arc::new(self.parse_agent(&String::from_utf8_lossy(user_agent)));
        self.cache.insert(user_agent.into(), Arc::clone(&agent));
        agent
    }

    fn parse_agent(&self, user_agent: &str) -> Agent {
        if user_agent.trim().is_empty() {
            return Agent { device: "other", bot: "no_user_agent".to_owned(), ..Agent::default() };
        }
        let agents = self.agents.as_ref().unwrap_or_else(|| &BUILT_IN_AGENTS);
        let crawlers = self.crawlers.as_ref().unwrap_or_else(|| &BUILT_IN_CRAWLERS);
        let (browser, os) = (agents.browser(user_agent), agents.system(user_agent));
        let bot = crawlers.reason(user_agent).to_owned();
        Agent { device: agents::device(user_agent, &os), os, browser, bot }
    }

    /// The country of an address as ISO 3166 alpha-2; empty if unknown.
    #[must_use]
    pub fn country(&self, ip: Ipv6Addr) -> &str {
        self.countries.as_ref().map_or("", |countries| countries.country(ip))
    }
}

/// Loads a file of rules. Without one, the edition of the rules that come with the program counts.
fn load_rules<T>(
    key: &'static str,
    file: &Path,
    built_in: &Edition,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(Option<T>, Edition), DataError> {
    if file.as_os_str().is_empty() {
        return Ok((None, built_in.clone()));
    }
    let error = |reason: String| DataError { key, reason };
    let text = std::fs::read_to_string(file).map_err(|reason| error(reason.to_string()))?;
    let edition = serde_json::from_str(&text).map_err(|reason| error(reason.to_string()))?;
    Ok((Some(parse(&text).map_err(error)?), edition))
}

#[cfg(test)]
mod tests;
