//! The only consumer group that may write a topic into a database.
//!
//! The plans of a group are in its own offsets, and another group takes other batches: it would
//! store every event a second time. So the first group that starts is registered in the table
//! `writers`, with its Kafka cluster. Any other is refused until an operator lets it take over.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clickhouse::Row;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde::{Deserialize, Serialize};
use sluice_runtime::config::ConfigError;

use crate::config::{Config, KafkaConfig};
use crate::store::{Store, StoreError};
use crate::topic::Topic;

/// The longest time that one request for the id of the Kafka cluster may take.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(2);

/// A consumer group of a Kafka cluster.
#[derive(Debug, Clone, PartialEq, Eq, Row, Serialize, Deserialize)]
pub struct Writer {
    cluster: String,
    consumer_group: String,
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group \"{}\" of the Kafka cluster {}", self.consumer_group, self.cluster)
    }
}

impl Writer {
    fn new(topic: Topic, config: &KafkaConfig, cluster: &str) -> Self {
        Self { cluster: cluster.to_owned(), consumer_group: config.group_of(topic) }
    }

    /// The error of a group that may not write because another one is registered.
    fn refusal(&self, topic: &str, registered: &Self) -> ConfigError {
        let reason = format!(
            "{registered} writes the topic \"{topic}\" into this database. A second group would store every event \
             twice, so {self} does not start. To replace the registered group, stop its consumers and run \
             `sluice-consumer take-over`"
        );
        ConfigError::new("kafka.group", reason)
    }
}

/// The id of the Kafka cluster. It does not join a group.
///
/// # Errors
/// If Kafka does not answer.
pub async fn cluster_id(config: &KafkaConfig) -> anyhow::Result<String> {
    let brokers = config.brokers.clone();
    let ask = move || {
        let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
        client.client().fetch_cluster_id(CLUSTER_PATIENCE).context("Kafka does not say its cluster's id")
    };
    tokio::task::spawn_blocking(ask).await?
}

/// Registers this group for both topics, if no other is. Returns why it may not write, if it may
/// not.
///
/// Two groups that start for the first time within the same milliseconds may both be let in.
///
/// # Errors
/// If ClickHouse does not answer.
pub async fn register(
    store: &Store,
    config: &KafkaConfig,
    cluster: &str,
) -> Result<Option<ConfigError>, StoreError> {
    for topic in Topic::ALL {
        let (name, writer) = (config.name_of(topic), Writer::new(topic, config, cluster));
        match store.writer(name).await? {
            Some(registered) if registered == writer => {}
            Some(registered) => return Ok(Some(writer.refusal(name, &registered))),
            None => store.set_writer(name, &writer).await?,
        }
    }
    Ok(None)
}

/// `sluice-consumer take-over`: registers this group for both topics in place of any other.
///
/// # Errors
/// If Kafka or ClickHouse does not answer.
pub async fn take_over(config: &Config) -> anyhow::Result<ExitCode> {
    let store = Store::new(&config.clickhouse);
    let cluster = cluster_id(&config.kafka).await?;
    for topic in Topic::ALL {
        let (name, writer) = (config.kafka.name_of(topic), Writer::new(topic, &config.kafka, &cluster));
        store.set_writer(name, &writer).await.context("clickhouse")?;
        tracing::info!(topic = name, "{writer} writes this database from now on");
    }
    Ok(ExitCode::SUCCESS)
}

impl Store {
    /// The group that is registered for a topic.
    async fn writer(&self, topic: &str) -> Result<Option<Writer>, StoreError> {
        let sql = "SELECT cluster, consumer_group FROM writers WHERE topic = {topic:String} \
                   ORDER BY since DESC, consumer_group LIMIT 1";
        Ok(self.client().query(sql).param("topic", topic).fetch_optional().await?)
    }

    async fn set_writer(&self, topic: &str, writer: &Writer) -> Result<(), StoreError> {
        let sql = "INSERT INTO writers (topic, cluster, consumer_group) \
                   VALUES ({topic:String}, {cluster:String}, {consumer_group:String})";
        let insert = self.client().query(sql).param("topic", topic);
        let insert = insert.param("cluster", &writer.cluster).param("consumer_group", &writer.consumer_group);
        Ok(insert.execute().await?)
    }
}
