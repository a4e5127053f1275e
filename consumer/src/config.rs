//! The consumer's configuration. Every key has a default but the ones that name other systems' secrets.

use std::path::PathBuf;

use crate::partition::Kind;
use serde::{Deserialize, Serialize};
use sluice_runtime::config::{ConfigError, Secret, Validate};
use sluice_runtime::ops::OpsConfig;

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub kafka: KafkaConfig,
    pub clickhouse: ClickhouseConfig,
    pub batch: BatchConfig,
    pub directory: DirectoryConfig,
    pub geo: GeoConfig,
    pub ops: OpsConfig<9190>,
}

/// Where events come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    pub brokers: String,
    pub topic: String,
    /// Edits and deletions.
    pub changes_topic: String,
    /// Of the events' readers; the readers of changes are another group, with `-changes` after the name.
    pub group: String,
    /// Static membership: a consumer that comes back under this name takes its partitions again at once. Empty: none.
    pub instance_id: String,
    /// After this long without a heartbeat a consumer's partitions go to another one.
    pub session_timeout_ms: u32,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:19092".to_owned(),
            topic: sluice_schemas::topics::EVENTS.to_owned(),
            changes_topic: sluice_schemas::topics::CHANGES.to_owned(),
            group: "sluice-consumer".to_owned(),
            instance_id: String::new(),
            session_timeout_ms: 6000,
        }
    }
}

impl KafkaConfig {
    /// The topic that carries this.
    #[must_use]
    pub fn topic_of(&self, kind: Kind) -> &str {
        match kind {
            Kind::Events => &self.topic,
            Kind::Changes => &self.changes_topic,
        }
    }

    /// The group that reads it: each has its own, so that a rebalance of one does not stop the other.
    #[must_use]
    pub fn group_of(&self, kind: Kind) -> String {
        match kind {
            Kind::Events => self.group.clone(),
            Kind::Changes => format!("{}-changes", self.group),
        }
    }
}

/// Where rows go.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickhouseConfig {
    pub url: String,
    pub database: String,
    pub user: String,
    pub password: Secret,
    /// LZ4 on the way: worth its CPU when a network lies between.
    pub compress: bool,
}

impl Default for ClickhouseConfig {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:18123".to_owned(),
            database: "sluice".to_owned(),
            user: "default".to_owned(),
            password: Secret::default(),
            compress: false,
        }
    }
}

/// When a batch is closed, and how often parked events are tried again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// A batch is closed once it has at least this many events.
    pub max_events: usize,
    /// A batch is closed this long after its first chunk came.
    pub linger_ms: u64,
    /// Bytes of chunks that a partition may hold in memory before it is paused.
    pub buffer_bytes: usize,
    /// Parked orders are looked at this often, while there are any.
    pub replay_interval_ms: u64,
    /// Parked events that were replayed or deleted are listed for so many days.
    pub keep_replayed_days: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_events: 20_000,
            linger_ms: 800,
            buffer_bytes: 8 * 1024 * 1024,
            replay_interval_ms: 2000,
            keep_replayed_days: 30,
        }
    }
}

/// What events are resolved with: keys, campaigns, people and teams.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectoryConfig {
    /// `postgres://user:password@host:port/database`; the user needs to read `directory_log` and `directory_origin`.
    pub postgres_url: Secret,
    /// Where the last directory is kept, for a start while Postgres is down. Empty: nowhere.
    pub file: PathBuf,
}

/// The country database (MaxMind format). Empty: countries stay empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoConfig {
    pub database: PathBuf,
}

impl Validate for Config {
    fn validate(&self) -> Result<(), ConfigError> {
        let not_empty = [
            ("kafka.brokers", &self.kafka.brokers),
            ("kafka.topic", &self.kafka.topic),
            ("kafka.changes_topic", &self.kafka.changes_topic),
            ("kafka.group", &self.kafka.group),
            ("clickhouse.database", &self.clickhouse.database),
        ];
        for (key, value) in not_empty {
            if value.is_empty() {
                return Err(ConfigError::new(key, "must not be empty"));
            }
        }
        if !self.clickhouse.url.starts_with("http://") && !self.clickhouse.url.starts_with("https://") {
            return Err(ConfigError::new("clickhouse.url", "must begin with http:// or https://"));
        }
        let postgres = self.directory.postgres_url.expose();
        if postgres.is_empty() {
            return Err(ConfigError::new("directory.postgres_url", "must not be empty"));
        }
        if postgres.parse::<sqlx::postgres::PgConnectOptions>().is_err() {
            return Err(ConfigError::new(
                "directory.postgres_url",
                "must be an address as postgres://user@host/database",
            ));
        }
        // More rows than this might be split into several blocks by a server, and a token covers one block.
        if self.batch.max_events == 0 || self.batch.max_events > 200_000 {
            return Err(ConfigError::new("batch.max_events", "must be from 1 to 200000"));
        }
        if self.batch.buffer_bytes < 1024 * 1024 {
            return Err(ConfigError::new("batch.buffer_bytes", "must be at least 1048576"));
        }
        if self.batch.keep_replayed_days == 0 || self.batch.keep_replayed_days > 36_500 {
            return Err(ConfigError::new("batch.keep_replayed_days", "must be from 1 to 36500"));
        }
        if self.batch.linger_ms > 60_000 {
            return Err(ConfigError::new("batch.linger_ms", "must be at most 60000"));
        }
        if !self.geo.database.as_os_str().is_empty() && !self.geo.database.is_file() {
            return Err(ConfigError::new("geo.database", "cannot be read"));
        }
        Ok(())
    }
}
