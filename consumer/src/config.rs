//! The consumer's configuration. Every key has a default, except the secrets of other systems.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sluice_runtime::config::{ConfigError, Secret, Validate};
use sluice_runtime::ops::OpsConfig;

use crate::topic::Topic;

/// The configuration of the consumer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub kafka: KafkaConfig,
    pub clickhouse: ClickhouseConfig,
    pub batch: BatchConfig,
    pub directory: DirectoryConfig,
    pub geo: GeoConfig,
    pub agents: AgentsConfig,
    pub ops: OpsConfig<9190>,
}

/// The Kafka cluster that events and changes come from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Brokers as `host:port`, separated by commas.
    pub brokers: String,
    /// Topic of events.
    pub topic: String,
    /// Topic of edits and deletions.
    pub changes_topic: String,
    /// Topic of the events that were just stored, for the page `/live/`. It needs one partition.
    /// Empty means that `/live/` is not fed.
    pub live_topic: String,
    /// Consumer group for events. The group for changes is called the same with `-changes` at the
    /// end.
    pub group: String,
    /// Name of this consumer, different for each. With it, a consumer that starts again gets its
    /// partitions back at once (static membership). Empty means none.
    pub instance_id: String,
    /// Time without a heartbeat after which Kafka gives the partitions to another consumer.
    pub session_timeout_ms: u32,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:19092".to_owned(),
            topic: sluice_schemas::topics::EVENTS.to_owned(),
            changes_topic: sluice_schemas::topics::CHANGES.to_owned(),
            live_topic: sluice_schemas::topics::LIVE.to_owned(),
            group: "sluice-consumer".to_owned(),
            instance_id: String::new(),
            session_timeout_ms: 6000,
        }
    }
}

impl KafkaConfig {
    /// The name of a topic.
    #[must_use]
    pub fn name_of(&self, topic: Topic) -> &str {
        match topic {
            Topic::Events => &self.topic,
            Topic::Changes => &self.changes_topic,
        }
    }

    /// The group that reads a topic. Each has its own, so that a rebalance of one does not stop the
    /// other.
    #[must_use]
    pub fn group_of(&self, topic: Topic) -> String {
        match topic {
            Topic::Events => self.group.clone(),
            Topic::Changes => format!("{}-changes", self.group),
        }
    }
}

/// The ClickHouse server that rows are written to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickhouseConfig {
    /// Address of its HTTP interface, with `http://` or `https://`.
    pub url: String,
    /// Database with Sluice's tables.
    pub database: String,
    /// User who writes.
    pub user: String,
    /// Password of `user`.
    pub password: Secret,
    /// Compresses inserts with LZ4. Worth its CPU time if a network lies between.
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

/// Batches of events, and parked events.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Events after which a batch is closed.
    pub max_events: usize,
    /// Time after its first chunk when a batch is closed.
    pub linger_ms: u64,
    /// Bytes of chunks that a partition keeps in memory before it pauses.
    pub buffer_bytes: usize,
    /// Time between two looks at parked orders, while there are any.
    pub replay_interval_ms: u64,
    /// Time that replayed and deleted events stay in the list of parked events.
    pub keep_replayed_days: u64,
    /// Time that prospects wait, and events that cannot be read. Then they expire: their bytes are
    /// deleted.
    pub keep_waiting_days: u64,
    /// Time that orders wait for their prospect. Then they expire.
    pub keep_waiting_orders_days: u64,
    /// Prospects that may wait. Further ones are dropped, and counted as dropped. Everybody can
    /// send pixels with unknown keys.
    pub max_waiting_prospects: u64,
    /// Prospects of one hour that may be parked. Further ones are dropped.
    pub max_parked_prospects_per_hour: u64,
    /// Orders that may wait. Further ones are dropped. Has to be far more than ever wait: an order
    /// is money.
    pub max_waiting_orders: u64,
    /// Orders of one hour that may be parked. Further ones are dropped.
    pub max_parked_orders_per_hour: u64,
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            max_events: 20_000,
            linger_ms: 800,
            buffer_bytes: 8 * 1024 * 1024,
            replay_interval_ms: 2000,
            keep_replayed_days: 30,
            keep_waiting_days: 90,
            keep_waiting_orders_days: 400,
            max_waiting_prospects: 1_000_000,
            max_parked_prospects_per_hour: 200_000,
            max_waiting_orders: 10_000_000,
            max_parked_orders_per_hour: 2_000_000,
        }
    }
}

/// The directory: people, teams, campaigns and keys that resolve owners.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectoryConfig {
    /// Address of Postgres. For example `postgres://user:password@host:5432/database`. The user
    /// must be able to read `directory_log` and `directory_origin`.
    pub postgres_url: Secret,
    /// File for the newest directory, so that the consumer can start while Postgres is down. Empty
    /// means none.
    pub file: PathBuf,
}

/// The database of countries.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoConfig {
    /// File in MaxMind format (`.mmdb`), from MaxMind, DB-IP or `ip-location-db`. Empty means that
    /// countries stay empty. A file that changes is loaded again within half a minute.
    pub database: PathBuf,
}

/// The rules for user agents. Files that change are loaded again within half a minute.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AgentsConfig {
    /// File with the rules for browsers and systems, as `consumer/data/renew` writes it. Empty
    /// means the rules that come with the program.
    pub rules: PathBuf,
    /// File with the list of crawlers, as `consumer/data/renew` writes it. Empty means the list
    /// that comes with the program.
    pub crawlers: PathBuf,
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
        // A server might split more rows than this into several blocks, and a token covers one
        // block.
        if self.batch.max_events == 0 || self.batch.max_events > 200_000 {
            return Err(ConfigError::new("batch.max_events", "must be from 1 to 200000"));
        }
        if self.batch.buffer_bytes < 1024 * 1024 {
            return Err(ConfigError::new("batch.buffer_bytes", "must be at least 1048576"));
        }
        for (key, days) in [
            ("batch.keep_replayed_days", self.batch.keep_replayed_days),
            ("batch.keep_waiting_days", self.batch.keep_waiting_days),
            ("batch.keep_waiting_orders_days", self.batch.keep_waiting_orders_days),
        ] {
            if days == 0 || days > 36_500 {
                return Err(ConfigError::new(key, "must be from 1 to 36500"));
            }
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
