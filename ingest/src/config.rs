//! The configuration of the edge: one struct per concern, with the defaults in code. Every error
//! names its key. `sluice_runtime::config` reads the file and the environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sluice_runtime::config::{ConfigError, Secret, Validate};
use sluice_runtime::ops::OpsConfig;

use crate::journal::MIN_SEGMENT_BYTES;

/// The paths of the legacy CRM. They cannot be configured, because the scripts of clients contain
/// them.
pub const LEGACY_PROSPECTS_PATH: &str = "/api/prospects/create/";
/// See [`LEGACY_PROSPECTS_PATH`].
pub const LEGACY_ORDERS_PATH: &str = "/api/orders/create/";

const FIXED_PATHS: [&str; 6] =
    [LEGACY_PROSPECTS_PATH, LEGACY_ORDERS_PATH, "/robots.txt", "/livez", "/readyz", "/favicon.ico"];

/// The configuration of the edge.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub edge: EdgeConfig,
    pub journal: JournalConfig,
    pub kafka: KafkaConfig,
    pub ops: OpsConfig<9180>,
}

/// The public ports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EdgeConfig {
    /// Listens here for visitors. Takes the address of the connection as the visitor's address.
    pub listen: SocketAddr,
    /// Listens here for proxies too, and believes their `X-Forwarded-For`, or else `Forwarded`. For
    /// example `127.0.0.1:8082`. Needs `trusted_proxies`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_listen: Option<SocketAddr>,
    /// Networks of the proxies that may name the address before them.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads that serve requests. Each has its own lane of the journal. 0 means one per core.
    pub threads: usize,
    /// Rejects events of visitors who send `Sec-GPC: 1` or `DNT: 1`.
    pub honour_opt_out: bool,
    /// Stores addresses without their last octet (IPv4) or their last 80 bits (IPv6).
    pub anonymise_ip: bool,
    /// Largest body of a request.
    pub max_body_bytes: usize,
    /// Time within which a body must arrive.
    pub body_timeout_ms: u64,
    /// Time within which the first request of a connection must arrive.
    pub header_timeout_ms: u64,
    /// Time without a request after which a connection is closed.
    pub keep_alive_ms: u64,
    /// Open connections, all threads together. Further ones are closed at once.
    pub max_connections: usize,
    /// Time that open requests have to finish when the edge stops.
    pub drain_ms: u64,
    pub paths: PathsConfig,
}

/// The paths of the edge. Ad blockers list the usual names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PathsConfig {
    /// Path of the pixel image.
    pub pixel: String,
    /// Path of beacons (`navigator.sendBeacon`).
    pub beacon: String,
    /// Path of order forms.
    pub order: String,
    /// Path of the script that landing pages load.
    pub script: String,
}

/// The journal on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalConfig {
    /// Folder of the journal. It holds the edge's id and belongs to one edge.
    pub dir: PathBuf,
    /// Size of a segment file. Smaller if many threads share `max_bytes`.
    pub segment_bytes: u64,
    /// Size of all segment files together. When they are full, events are rejected. The least value
    /// grows with the threads.
    pub max_bytes: u64,
    /// Longest time until the event of a pixel is synced to disk.
    pub sync_interval_ms: u64,
}

/// The Kafka cluster that events are forwarded to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Brokers as `host:port`, separated by commas.
    pub brokers: String,
    /// Topic of events.
    pub topic: String,
    /// Size at which a chunk is sent.
    pub chunk_bytes: usize,
    /// Time that a chunk waits for more events.
    pub linger_ms: u64,
    /// Bytes that were sent and are not acknowledged yet. At least `chunk_bytes`.
    pub max_in_flight_bytes: usize,
    /// Time that Kafka has to take waiting events when the edge stops. Later ones are sent after
    /// the next start.
    pub drain_ms: u64,
    /// More settings of librdkafka, such as `security.protocol` or `sasl.password`. Never printed.
    pub properties: BTreeMap<String, Secret>,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            proxy_listen: None,
            trusted_proxies: Vec::new(),
            threads: 0,
            honour_opt_out: false,
            anonymise_ip: false,
            max_body_bytes: 64 * 1024,
            body_timeout_ms: 10_000,
            header_timeout_ms: 10_000,
            keep_alive_ms: 75_000,
            max_connections: 20_000,
            drain_ms: 10_000,
            paths: PathsConfig::default(),
        }
    }
}

impl Default for PathsConfig {
    fn default() -> Self {
        Self {
            pixel: "/p.gif".to_owned(),
            beacon: "/p".to_owned(),
            order: "/o".to_owned(),
            script: "/s.js".to_owned(),
        }
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("journal"),
            segment_bytes: 32 << 20,
            max_bytes: 4 << 30,
            sync_interval_ms: 100,
        }
    }
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:19092".to_owned(),
            topic: sluice_schemas::topics::EVENTS.to_owned(),
            chunk_bytes: 256 * 1024,
            linger_ms: 50,
            max_in_flight_bytes: 16 << 20,
            drain_ms: 5_000,
            properties: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Returns the number of serving threads, which is the number of lanes.
    #[must_use]
    pub fn n_threads(&self) -> usize {
        match self.edge.threads {
            0 => available_parallelism().map_or(1, NonZeroUsize::get),
            threads => threads,
        }
    }

    /// Returns the size of segment files: the configured size, reduced so that the active and
    /// prepared segments of all lanes take at most half of the journal.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        let share = self.journal.max_bytes / (4 * self.n_threads() as u64);
        self.journal.segment_bytes.min(share) & !4095
    }
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        self.validate_edge()?;
        self.validate_paths()?;
        if self.journal.segment_bytes < MIN_SEGMENT_BYTES {
            return Err(ConfigError::new(
                "journal.segment_bytes",
                format!("must be at least {MIN_SEGMENT_BYTES}"),
            ));
        }
        if self.segment_bytes() < MIN_SEGMENT_BYTES {
            let least = MIN_SEGMENT_BYTES * 4 * self.n_threads() as u64;
            return Err(ConfigError::new(
                "journal.max_bytes",
                format!("must be at least {least} for {} threads", self.n_threads()),
            ));
        }
        in_range("journal.sync_interval_ms", self.journal.sync_interval_ms, 1, 60_000)?;
        if self.kafka.brokers.trim().is_empty() {
            return Err(ConfigError::new("kafka.brokers", "must name at least one broker"));
        }
        if self.kafka.topic.trim().is_empty() {
            return Err(ConfigError::new("kafka.topic", "must not be empty"));
        }
        in_range("kafka.chunk_bytes", self.kafka.chunk_bytes as u64, 1024, 3 << 20)?;
        in_range("kafka.linger_ms", self.kafka.linger_ms, 0, 60_000)?;
        in_range("kafka.drain_ms", self.kafka.drain_ms, 0, 600_000)?;
        in_range(
            "kafka.max_in_flight_bytes",
            self.kafka.max_in_flight_bytes as u64,
            self.kafka.chunk_bytes as u64,
            1 << 30,
        )
    }
}

impl Config {
    fn validate_edge(&self) -> Result<(), ConfigError> {
        let edge = &self.edge;
        if edge.threads > 1024 {
            return Err(ConfigError::new("edge.threads", "must be at most 1024"));
        }
        if edge.proxy_listen.is_some() && edge.trusted_proxies.is_empty() {
            return Err(ConfigError::new(
                "edge.trusted_proxies",
                "must name the proxies behind proxy_listen",
            ));
        }
        in_range("edge.max_body_bytes", edge.max_body_bytes as u64, 1024, 16 << 20)?;
        in_range("edge.body_timeout_ms", edge.body_timeout_ms, 1, 600_000)?;
        in_range("edge.header_timeout_ms", edge.header_timeout_ms, 1, 600_000)?;
        in_range("edge.keep_alive_ms", edge.keep_alive_ms, 1, 3_600_000)?;
        in_range("edge.drain_ms", edge.drain_ms, 0, 600_000)?;
        in_range("edge.max_connections", edge.max_connections as u64, 1, 10_000_000)
    }

    fn validate_paths(&self) -> Result<(), ConfigError> {
        let paths = &self.edge.paths;
        let named = [
            ("edge.paths.pixel", &paths.pixel),
            ("edge.paths.beacon", &paths.beacon),
            ("edge.paths.order", &paths.order),
            ("edge.paths.script", &paths.script),
        ];
        for (index, (key, path)) in named.iter().enumerate() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
            if path.len() < 2 || !path.starts_with('/') || !path.bytes().all(plain) {
                return Err(ConfigError::new(
                    *key,
                    "must begin with / and contain only letters, digits and . _ - ~ /",
                ));
            }
            let taken = FIXED_PATHS.contains(&path.as_str())
                || FIXED_PATHS.contains(&format!("{path}/").as_str())
                || named[..index].iter().any(|(_, other)| other == path);
            if taken {
                return Err(ConfigError::new(*key, "is already used by another endpoint"));
            }
        }
        Ok(())
    }
}

fn in_range(key: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(ConfigError::new(key, format!("must be from {least} to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::default();
        change(&mut config);
        config.validate().map_or_else(|error| error.key, |()| "fine".to_owned())
    }

    #[test]
    fn the_defaults_are_fine_and_every_refusal_names_its_key() {
        assert_eq!(key_of(|_| {}), "fine");
        assert_eq!(key_of(|c| c.edge.paths.beacon = "/p.gif".into()), "edge.paths.beacon");
        assert_eq!(key_of(|c| c.edge.paths.order = "/livez".into()), "edge.paths.order");
        assert_eq!(key_of(|c| c.edge.paths.script = "s.js".into()), "edge.paths.script");
        assert_eq!(
            key_of(|c| c.edge.proxy_listen = Some(SocketAddr::from(([0, 0, 0, 0], 1)))),
            "edge.trusted_proxies"
        );
        assert_eq!(key_of(|c| c.journal.segment_bytes = 1), "journal.segment_bytes");
        assert_eq!(key_of(|c| c.journal.max_bytes = 1), "journal.max_bytes");
        assert_eq!(key_of(|c| c.kafka.brokers = " ".into()), "kafka.brokers");
        assert_eq!(key_of(|c| c.edge.max_body_bytes = 0), "edge.max_body_bytes");
    }

    #[test]
    fn many_threads_share_the_journal_in_smaller_segments() {
        let mut config = Config::default();
        config.edge.threads = 64;
        assert_eq!(config.segment_bytes(), 16 << 20);
        assert!(config.validate().is_ok());
    }
}
