//! Device, system, browser, bot and country of an event, from its user agent and address. Answers
//! depend on the input and the loaded data alone. User agents are cached: a few thousand make up
//! nearly all traffic.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use isbot::Bots;
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use woothee::parser::Parser;

/// The facts in a user agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agent {
    /// `desktop`, `mobile`, `tablet`, `other`.
    pub device: String,
    pub os: String,
    pub browser: String,
    /// Empty for a human, else the reason.
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

/// Looks up user agents and countries. Shared by all partitions.
pub struct Enricher {
    bots: Bots,
    parser: Parser,
    agents: Cache<Box<[u8]>, Arc<Agent>>,
    countries: Option<maxminddb::Reader<Vec<u8>>>,
}

/// User agents in the cache; about 300 bytes each.
const N_AGENTS: usize = 20_000;

#[derive(Deserialize)]
struct CountryRecord<'a> {
    country_code: Option<&'a str>,
}

impl Enricher {
    /// Loads the country database, if one is named.
    ///
    /// # Errors
    /// If the file is not a readable database.
    pub fn load(countries: &Path) -> Result<Self, maxminddb::MaxMindDbError> {
        let countries = if countries.as_os_str().is_empty() {
            None
        } else {
            Some(maxminddb::Reader::open_readfile(countries)?)
        };
        Ok(Self { bots: Bots::default(), parser: Parser::new(), agents: Cache::new(N_AGENTS), countries })
    }

    /// Returns the Unix time in seconds at which the country database was built, if there is one.
    #[must_use]
    pub fn countries_built_s(&self) -> Option<u64> {
        self.countries.as_ref().map(|countries| countries.metadata().build_epoch)
    }

    /// Reads an address and a user agent.
    #[must_use]
    pub fn dimensions(&self, ip: Ipv6Addr, user_agent: &[u8]) -> Dimensions {
        let agent = self.agent(user_agent);
        Dimensions {
            country: self.country(ip).to_owned(),
            device: agent.device.clone(),
            os: agent.os.clone(),
            browser: agent.browser.clone(),
            bot: agent.bot.clone(),
        }
    }

    /// Reads a user agent.
    #[must_use]
    pub fn agent(&self, user_agent: &[u8]) -> Arc<Agent> {
        if let Some(agent) = self.agents.get(user_agent) {
            return agent;
        }
        let agent = Arc::new(self.parse_agent(user_agent));
        self.agents.insert(user_agent.into(), Arc::clone(&agent));
        agent
    }

    fn parse_agent(&self, user_agent: &[u8]) -> Agent {
        let text = String::from_utf8_lossy(user_agent);
        let bot = if text.trim().is_empty() {
            "no_user_agent"
        } else if self.bots.is_bot(&text) {
            "user_agent"
        } else {
            ""
        };
        let Some(parsed) = self.parser.parse(&text) else {
            return Agent { device: "other".to_owned(), bot: bot.to_owned(), ..Agent::default() };
        };
        let tablet = text.contains("iPad") || text.contains("Android") && !text.contains("Mobile");
        let device = match parsed.category {
            _ if tablet => "tablet",
            "pc" => "desktop",
            "smartphone" | "mobilephone" => "mobile",
            _ => "other",
        };
        let known = |text: &str| if text == "UNKNOWN" { String::new() } else { text.to_owned() };
        Agent {
            device: device.to_owned(),
            os: known(parsed.os),
            browser: known(parsed.name),
            bot: bot.to_owned(),
        }
    }

    /// The country of an address as ISO 3166 alpha-2; empty if unknown.
    #[must_use]
    pub fn country(&self, ip: Ipv6Addr) -> &str {
        let address = ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4);
        self.countries
            .as_ref()
            .and_then(|countries| countries.lookup(address).ok()?.decode::<CountryRecord<'_>>().ok()?)
            .and_then(|record| record.country_code)
            .unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_and_bots_are_told_apart() {
        let enricher = Enricher::load(Path::new("")).unwrap();
        let read = |text: &str| {
            let agent = enricher.agent(text.as_bytes());
            [agent.device.clone(), agent.os.clone(), agent.browser.clone(), agent.bot.clone()]
        };
        let chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";
        assert_eq!(read(chrome), ["desktop", "Windows 10", "Chrome", ""]);
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1";
        assert_eq!(read(iphone), ["mobile", "iPhone", "Safari", ""]);
        assert_eq!(read("Mozilla/5.0 (compatible; GPTBot/1.0; +https://openai.com/gptbot)")[3], "user_agent");
        assert_eq!(read("curl/8.5.0")[3], "user_agent");
        assert_eq!(read("")[3], "no_user_agent");
    }
}
