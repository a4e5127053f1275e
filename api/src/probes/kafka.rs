//! Asks Kafka for its partitions, and how far the consumers have come in each. Works while no
//! consumer runs: a consumer commits where its next batch begins.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::MetadataTopic;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::config::KafkaConfig;

/// The most events of librdkafka that are thrown away at a time. A reader needs none of them.
const MAX_EVENTS: usize = 1000;

/// The state of the cluster.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    pub partitions: Vec<Partition>,
    /// The faults of the cluster, in words.
    pub faults: Vec<String>,
}

/// A partition, and how far it has been stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub topic: String,
    pub partition: i32,
    /// The offset of the next record that comes.
    pub end: i64,
    /// Records that the consumers have not stored yet.
    pub lag: i64,
}

/// The client of Kafka. Connects on first use.
pub struct Kafka {
    config: KafkaConfig,
    /// Kept as long as Kafka answers.
    readers: Mutex<Option<Vec<Reader>>>,
}

/// A member of a consumer group that reads nothing.
struct Reader {
    consumer: BaseConsumer,
    topic: String,
}

impl Kafka {
    #[must_use]
    pub fn new(config: &KafkaConfig) -> Self {
        Self { config: config.clone(), readers: Mutex::new(None) }
    }

    /// Asks Kafka. Blocks its thread for little longer than the time given.
    ///
    /// # Errors
    /// If Kafka does not answer in time.
    pub fn ask(&self, patience: Duration) -> anyhow::Result<Cluster> {
        let deadline = Instant::now() + patience;
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let readers = match kept {
            Some(readers) => readers,
            None => self.readers()?,
        };
        let mut cluster = Cluster::default();
        for reader in &readers {
            reader.ask(deadline, &mut cluster)?;
        }
        *self.readers.lock().unwrap_or_else(PoisonError::into_inner) = Some(readers);
        Ok(cluster)
    }

    fn readers(&self) -> anyhow::Result<Vec<Reader>> {
        let KafkaConfig { brokers, events_topic, changes_topic, group, .. } = &self.config;
        let reader = |topic: &str, group: &str| {
            let mut client = ClientConfig::new();
            client
                .set("bootstrap.servers", brokers)
                .set("client.id", "sluice-api")
                .set("group.id", group)
                .set("enable.auto.commit", "false")
                .set("reconnect.backoff.max.ms", "1000");
            anyhow::Ok(Reader { consumer: client.create()?, topic: topic.to_owned() })
        };
        Ok(vec![reader(events_topic, group)?, reader(changes_topic, &format!("{group}-changes"))?])
    }
}

impl Reader {
    fn ask(&self, deadline: Instant, cluster: &mut Cluster) -> anyhow::Result<()> {
        let left = || {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then_some(left).context("kafka did not answer in time")
        };
        for _ in 0..MAX_EVENTS {
            if self.consumer.poll(Duration::ZERO).is_none() {
                break;
            }
        }
        // All topics: asking for one by its name could create it.
        let metadata = self.consumer.fetch_metadata(None, left()?)?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == self.topic) else {
            cluster.faults.push(format!("there is no topic {}", self.topic));
            return Ok(());
        };
        cluster.faults.extend(faults(topic));
        let mut list = TopicPartitionList::new();
        for partition in topic.partitions() {
            list.add_partition(&self.topic, partition.id());
        }
        for element in self.consumer.committed_offsets(list, left()?)?.elements() {
            let (begin, end) = self.consumer.fetch_watermarks(&self.topic, element.partition(), left()?)?;
            // Without an offset the consumers begin with the oldest record.
            let stored = match element.offset() {
                Offset::Offset(offset) => offset.clamp(begin, end),
                _ => begin,
            };
            let (topic, partition) = (self.topic.clone(), element.partition());
            cluster.partitions.push(Partition { topic, partition, end, lag: end - stored });
        }
        Ok(())
    }
}

/// The partitions of a topic that cannot be written, or are copied to too few brokers.
fn faults(topic: &MetadataTopic) -> impl Iterator<Item = String> {
    let name = topic.name();
    topic.partitions().iter().filter_map(move |partition| {
        let (id, n_copies, n_replicas) = (partition.id(), partition.isr().len(), partition.replicas().len());
        if partition.leader() < 0 {
            Some(format!("partition {id} of {name} has no leader"))
        } else if n_copies < n_replicas {
            Some(format!("partition {id} of {name} has {n_copies} of its {n_replicas} copies in sync"))
        } else {
            None
        }
    })
}
