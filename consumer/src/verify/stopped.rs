//! Checks that all consumers are stopped and have left nothing half written: a repair corrects
//! sums, so nobody else may write at that time.
//!
//! A consumer writes only as a member of its Kafka group and after it has committed a plan. So if
//! the groups are empty and the committed offsets have not changed, the tables have not changed
//! either.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use serde::de::IgnoredAny;
use sluice_runtime::kafka;

use crate::commit::{Commit, CommitError, PATIENCE, Place, read_all, run_blocking};
use crate::config::KafkaConfig;
use crate::directory::keeper::DirectoryError;
use crate::replayer::{replay_lane, replay_name};
use crate::store::{Store, StoreError};
use crate::topic::Topic;
use crate::verify::Progress;

/// The reason why a repair cannot be made, or cannot be made now.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    #[error(
        "running consumers in the Kafka group \"{group}\": {n_members}; stop every sluice-consumer and run the repair again"
    )]
    Running { group: String, n_members: usize },
    #[error(
        "the Kafka group \"{group}\" is in the state \"{state}\"; wait until it is empty and run the repair again"
    )]
    Unsettled { group: String, state: String },
    #[error(
        "partition {partition} of {topic} has a batch that was begun and has not ended; \
         start sluice-consumer, stop it in order (SIGTERM) once its lag is 0, and run the repair again"
    )]
    OpenBatch { topic: String, partition: i32 },
    #[error(
        "the committed offset of partition {partition} of {topic} is lost or was set by another program, \
         so a batch may be half written; \
         start sluice-consumer, stop it in order (SIGTERM) once its lag is 0, and run the repair again"
    )]
    Doubted { topic: String, partition: i32 },
    #[error(
        "partition {partition} of {topic} has a replay that was begun and has not ended; \
         start sluice-consumer, stop it in order (SIGTERM) after some seconds, and run the repair again"
    )]
    OpenReplay { topic: String, partition: i32 },
    #[error(
        "a consumer was at work during the repair; what was repaired until then is right; stop it and run the repair again"
    )]
    Started,
    #[error("ClickHouse still takes an insert of another repair; wait and run the repair again")]
    Repairing,
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("kafka: {0}")]
    Commit(#[from] CommitError),
    #[error("clickhouse: {0}")]
    Store(#[from] StoreError),
    #[error("postgres: {0}")]
    Directory(#[from] DirectoryError),
}

/// The tokens of a repair's inserts begin with this.
pub(super) const REPAIR: &str = "repair/";

/// The committed offsets of both groups: of events, and of changes.
pub(super) type Places = Vec<BTreeMap<i32, Place>>;

struct Group {
    name: String,
    topic: String,
    consumer: BaseConsumer,
}

/// The configuration of a client that looks at a topic and its group without joining.
pub(super) fn observer(config: &KafkaConfig, topic: Topic) -> ClientConfig {
    kafka::consumer(&config.brokers, "sluice-consumer-verify", &config.group_of(topic))
}

/// Both groups of the consumers, seen from outside.
#[derive(Clone)]
pub(super) struct Groups {
    groups: Arc<[Group]>,
    /// A consumer that was killed stays in its group for this long.
    patience: Duration,
}

impl Groups {
    /// Connects without joining.
    pub(super) fn new(config: &KafkaConfig) -> Result<Self, KafkaError> {
        let group = |topic| {
            let consumer = observer(config, topic).create()?;
            let (name, topic) = (config.group_of(topic), config.name_of(topic).to_owned());
            Ok::<_, KafkaError>(Group { name, topic, consumer })
        };
        let patience = Duration::from_millis(config.session_timeout_ms.into()) + Duration::from_secs(2);
        Ok(Self { groups: [group(Topic::Events)?, group(Topic::Changes)?].into(), patience })
    }

    /// Waits a moment for killed consumers to leave, and fails unless everything is stopped and
    /// nothing is half written.
    pub(super) async fn check_stopped(
        &self,
        store: &Store,
        progress: &Progress<'_>,
    ) -> Result<Places, RepairError> {
        let deadline = Instant::now() + self.patience;
        let mut is_told = false;
        let places = loop {
            match self.read_idle(store).await {
                Err(
                    error @ (RepairError::Running { .. }
                    | RepairError::Unsettled { .. }
                    | RepairError::Repairing),
                ) => {
                    if Instant::now() >= deadline {
                        return Err(error);
                    }
                }
                found => break found?,
            }
            if !is_told {
                progress("waiting until nobody writes");
                is_told = true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        for (group, places) in self.groups.iter().zip(&places) {
            for (partition, place) in places {
                let (topic, partition) = (group.topic.clone(), *partition);
                if place.plan.is_some() {
                    return Err(RepairError::OpenBatch { topic, partition });
                }
                if place.is_doubted() {
                    return Err(RepairError::Doubted { topic, partition });
                }
            }
        }
        let topic = &self.groups[0].topic;
        for partition in places[0].keys() {
            let lane = replay_lane(&format!("{topic}/{partition}"));
            let number = store.next_ordinal(&lane).await?;
            if store.verdict::<IgnoredAny>(&replay_name(&lane, number)).await?.is_some() {
                return Err(RepairError::OpenReplay { topic: topic.clone(), partition: *partition });
            }
        }
        Ok(places)
    }

    /// Fails if anybody has written since these places were read.
    pub(super) async fn check_unchanged(&self, before: &Places) -> Result<(), RepairError> {
        match self.read().await {
            Ok(places) if places == *before => Ok(()),
            Ok(_) | Err(RepairError::Running { .. } | RepairError::Unsettled { .. }) => {
                Err(RepairError::Started)
            }
            Err(error) => Err(error),
        }
    }

    async fn read_idle(&self, store: &Store) -> Result<Places, RepairError> {
        if store.is_repairing().await? {
            return Err(RepairError::Repairing);
        }
        self.read().await
    }

    async fn read(&self) -> Result<Places, RepairError> {
        let groups = Arc::clone(&self.groups);
        run_blocking(move || groups.iter().map(Group::read).collect()).await
    }
}

impl Group {
    /// The committed offsets of a group without members.
    fn read(&self) -> Result<BTreeMap<i32, Place>, RepairError> {
        let list = self.consumer.fetch_group_list(Some(&self.name), PATIENCE)?;
        if let Some(found) = list.groups().iter().find(|found| found.name() == self.name) {
            let (group, n_members) = (self.name.clone(), found.members().len());
            if n_members > 0 {
                return Err(RepairError::Running { group, n_members });
            }
            if !["Empty", "Dead"].contains(&found.state()) {
                return Err(RepairError::Unsettled { group, state: found.state().to_owned() });
            }
        }
        let mut places = read_all(&self.consumer, &self.topic)?;
        for (partition, place) in places.iter_mut().filter(|(_, place)| place.commit == Commit::Missing) {
            // A partition that never had a record needs no offset.
            let (_, next) = self.consumer.fetch_watermarks(&self.topic, *partition, PATIENCE)?;
            if next > 0 {
                place.commit = Commit::Foreign;
            }
        }
        Ok(places)
    }
}

impl Store {
    /// Whether an insert of a repair is in progress: of an interrupted repair, or of another one.
    async fn is_repairing(&self) -> Result<bool, StoreError> {
        let sql = "SELECT count() FROM system.processes \
                   WHERE startsWith(Settings['insert_deduplication_token'], {prefix:String})";
        Ok(self.client().query(sql).param("prefix", REPAIR).fetch_one::<u64>().await? > 0)
    }
}
