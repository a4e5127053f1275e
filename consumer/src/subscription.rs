//! Kafka: takes part in a topic's group, passes each record to the owner of its partition, and
//! pauses partitions whose owner lags.
//!
//! Never stops polling, so that a slow ClickHouse does not cost the group membership.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::topic_partition_list::TopicPartitionList;
use sluice_runtime::kafka;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::Readiness;
use sluice_schemas::change::SCHEMA_HEADER;
use sluice_schemas::chunk::ChunkHeader;
use tokio::sync::mpsc;

use crate::assignment::{Assigned, Context};
use crate::commit::{Committer, Offsets};
use crate::config::KafkaConfig;
use crate::context::Shared;
use crate::decode::Record;
use crate::metrics::Metrics;
use crate::partition::Partition;
use crate::topic::Topic;

fn subscribe(
    topic: Topic,
    config: &KafkaConfig,
    context: Context,
) -> KafkaResult<Arc<StreamConsumer<Context>>> {
    let mut client = kafka::consumer(&config.brokers, "sluice-consumer", &config.group_of(topic));
    client
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", config.session_timeout_ms.to_string())
        .set("heartbeat.interval.ms", (config.session_timeout_ms / 4).max(1).to_string())
        // A partition may wait for ClickHouse as long as it must; the poll goes on meanwhile.
        .set("max.poll.interval.ms", "86400000")
        // Bounds librdkafka's own read-ahead; the owners' inboxes are bounded by pausing.
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.message.max.bytes", "1048576")
        .set("statistics.interval.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "10000");
    if !config.instance_id.is_empty() {
        client.set("group.instance.id", &config.instance_id);
    }
    let consumer: StreamConsumer<Context> = client.create_with_context(context)?;
    consumer.subscribe(&[config.name_of(topic)])?;
    Ok(Arc::new(consumer))
}

/// Membership in the group of a topic.
pub struct Subscription {
    topic: Topic,
    consumer: Arc<StreamConsumer<Context>>,
    topic_name: Arc<str>,
    session: Duration,
    assigned: mpsc::UnboundedReceiver<Assigned>,
    crashes: Crashes,
}

impl Subscription {
    /// Joins the group. Kafka itself need not be there yet.
    ///
    /// # Errors
    /// If librdkafka refuses its configuration.
    pub fn join(
        topic: Topic,
        config: &KafkaConfig,
        metrics: &Metrics,
        readiness: &Readiness,
    ) -> KafkaResult<Self> {
        let (sender, assigned) = mpsc::unbounded_channel();
        let topic_name = config.name_of(topic);
        let context = Context::new(topic, topic_name, metrics, readiness, sender);
        let consumer = subscribe(topic, config, context)?;
        let session = Duration::from_millis(config.session_timeout_ms.into());
        let topic_name = topic_name.into();
        Ok(Self { topic, consumer, topic_name, session, assigned, crashes: Crashes::default() })
    }

    /// The committed offsets of the group.
    #[must_use]
    pub fn offsets(&self) -> Offsets {
        let (consumer, topic) = (Arc::clone(&self.consumer), Arc::clone(&self.topic_name));
        Offsets { consumer, topic, session: self.session }
    }

    /// Whether the owner of a partition has crashed, also after [`Self::run`] has ended.
    #[must_use]
    pub fn crashes(&self) -> Crashes {
        self.crashes.clone()
    }

    /// Reads until the service drains. The owners of the partitions are tasks of the lifecycle: a
    /// drain waits for their last batches.
    ///
    /// # Errors
    /// If Kafka will give nothing more.
    pub async fn run(
        mut self,
        buffer_bytes: usize,
        shared: Shared,
        lifecycle: &Lifecycle,
    ) -> KafkaResult<()> {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                biased;
                () = lifecycle.draining().cancelled() => return Ok(()),
                Some(Assigned { partition, inbox, lease }) = self.assigned.recv() => {
                    let committer = Committer::new(self.offsets(), partition, lease);
                    let owner = Partition::new(self.topic, shared.clone(), committer, inbox);
                    self.crashes.watch(owner.run(), lifecycle);
                }
                _ = tick.tick() => resume(&self.consumer, &self.topic_name, buffer_bytes / 2),
                message = self.consumer.recv() => match message {
                    Ok(message) => hand_over(&self.consumer, &message, buffer_bytes),
                    // Nothing more will come.
                    Err(error @ KafkaError::MessageConsumptionFatal(code)) => {
                        if code == RDKafkaErrorCode::FencedInstanceId || is_fenced(&self.consumer) {
                            tracing::error!("another consumer has the same kafka.instance_id and took over; each needs its own");
                        }
                        return Err(error);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot read from kafka; trying again");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        }
    }
}

/// Whether this consumer's name is another's now.
fn is_fenced(consumer: &StreamConsumer<Context>) -> bool {
    let fatal = consumer.client().fatal_error();
    fatal.is_some_and(|(code, _)| code == RDKafkaErrorCode::FencedInstanceId)
}

/// Tells whether the owner of a partition has panicked. A partition without its owner would stand
/// still unseen: the program drains instead, fails, and is started again.
#[derive(Debug, Clone, Default)]
pub struct Crashes(Arc<AtomicBool>);

impl Crashes {
    /// Whether a task has panicked.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Runs a task of the lifecycle, which drains if the task panics.
    fn watch(&self, task: impl Future<Output = ()> + Send + 'static, lifecycle: &Lifecycle) {
        let task = lifecycle.spawn(task);
        let (crashes, drained) = (self.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(%error, "the owner of a partition has crashed");
                crashes.0.store(true, Ordering::Release);
                drained.begin_drain();
            }
        });
    }
}

fn hand_over(consumer: &StreamConsumer<Context>, message: &BorrowedMessage<'_>, buffer_bytes: usize) {
    let mut outlets = consumer.context().outlets();
    let Some(outlet) = outlets.get_mut(&message.partition()) else { return };
    let n_buffered = outlet.send(read_record(message));
    if n_buffered > buffer_bytes && !outlet.is_paused {
        outlet.is_paused = set_paused(consumer, message.topic(), message.partition(), true);
    }
}

fn resume(consumer: &StreamConsumer<Context>, topic: &str, below_bytes: usize) {
    let mut outlets = consumer.context().outlets();
    for (partition, outlet) in outlets.iter_mut().filter(|(_, outlet)| outlet.is_paused) {
        if outlet.buffered_bytes() < below_bytes {
            outlet.is_paused = set_paused(consumer, topic, *partition, false);
        }
    }
}

/// Pauses or resumes a partition, and returns whether it is paused now.
fn set_paused(consumer: &StreamConsumer<Context>, topic: &str, partition: i32, is_paused: bool) -> bool {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let outcome = if is_paused { consumer.pause(&list) } else { consumer.resume(&list) };
    match outcome {
        Ok(()) => is_paused,
        Err(error) => {
            tracing::warn!(%error, partition, is_paused, "cannot pause or resume a partition");
            !is_paused
        }
    }
}

/// Copies a record out of librdkafka.
pub(crate) fn read_record(message: &BorrowedMessage<'_>) -> Record {
    let headers = message.headers();
    let find = |name: &str| {
        headers.and_then(|headers| {
            headers.iter().find(|header| header.key == name).and_then(|header| header.value)
        })
    };
    Record {
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
        header: ChunkHeader::read(find),
        schema: find(SCHEMA_HEADER).map(Bytes::copy_from_slice),
        value: Bytes::copy_from_slice(message.payload().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_crash_drains_and_is_told() {
        let (lifecycle, crashes) = (Lifecycle::default(), Crashes::default());
        crashes.watch(async {}, &lifecycle);
        crashes.watch(async { panic!("a bug") }, &lifecycle);
        assert!(lifecycle.finish(Duration::from_secs(5)).await);
        assert!(crashes.any());
    }

    #[tokio::test]
    async fn an_owner_that_ends_is_no_crash() {
        let (lifecycle, crashes) = (Lifecycle::default(), Crashes::default());
        crashes.watch(async {}, &lifecycle);
        lifecycle.begin_drain();
        assert!(lifecycle.finish(Duration::from_secs(5)).await);
        assert!(!crashes.any());
    }
}
