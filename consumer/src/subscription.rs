//! Kafka: takes part in a topic's group, hands each record to its partition's owner, and pauses partitions whose owner lags.
//!
//! Never stops polling, so that a slow ClickHouse does not cost the group membership. The rebalance callbacks make and end
//! the owners' handles; they run inside the poll, before any record of the new assignment is seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::Readiness;
use sluice_schemas::change::SCHEMA_HEADER;
use sluice_schemas::chunk::ChunkHeader;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::commit::{Committer, Offsets};
use crate::config::KafkaConfig;
use crate::decode::Record;
use crate::metrics::{Metrics, PartitionLabels};
use crate::partition::{Inbox, Kind, Partition, Shared};

/// The way to one partition's owner.
struct Handle {
    records: mpsc::UnboundedSender<Record>,
    buffered_bytes: Arc<AtomicUsize>,
    revoked: CancellationToken,
    gate: Arc<Mutex<()>>,
    paused: bool,
}

/// An owner that is to be started.
struct Started {
    partition: i32,
    inbox: Inbox,
    revoked: CancellationToken,
    gate: Arc<Mutex<()>>,
}

/// What librdkafka calls back into.
pub struct Context {
    kind: Kind,
    topic: String,
    metrics: Metrics,
    readiness: Readiness,
    handles: Mutex<HashMap<i32, Handle>>,
    started: mpsc::UnboundedSender<Started>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => tracing::debug!(fac, message, "kafka"),
            _ => tracing::warn!(fac, message, "kafka"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let Some(topic) = statistics.topics.get(&self.topic) else { return };
        for partition in topic.partitions.values().filter(|partition| partition.consumer_lag >= 0) {
            let labels = PartitionLabels { topic: self.kind.as_str(), partition: partition.partition };
            self.metrics.lag.get_or_create(&labels).set(partition.consumer_lag);
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let mut paused = TopicPartitionList::new();
        for partition in partitions(list) {
            let Some(handle) = self.lock().remove(&partition) else { continue };
            // Waits for a commit under way: after this line none can follow.
            let _gate = handle.gate.lock().unwrap_or_else(PoisonError::into_inner);
            handle.revoked.cancel();
            if handle.paused {
                paused.add_partition(&self.topic, partition);
            }
        }
        // librdkafka keeps a pause over an assignment: should the partition come back, it must be read.
        if let Err(error) = consumer.resume(&paused) {
            tracing::warn!(%error, "cannot resume what was taken away");
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            for partition in partitions(list) {
                self.start(partition);
            }
            // In the group, if only to stand by.
            self.readiness.ready("kafka");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
}

impl Context {
    fn start(&self, partition: i32) {
        let (records, receiver) = mpsc::unbounded_channel();
        let buffered_bytes = Arc::new(AtomicUsize::new(0));
        let (revoked, gate) = (CancellationToken::new(), Arc::new(Mutex::new(())));
        let inbox = Inbox { records: receiver, buffered_bytes: Arc::clone(&buffered_bytes) };
        let started = Started { partition, inbox, revoked: revoked.clone(), gate: Arc::clone(&gate) };
        self.lock().insert(partition, Handle { records, buffered_bytes, revoked, gate, paused: false });
        if self.started.send(started).is_err() {
            tracing::debug!(partition, "assigned while ending");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<i32, Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Joins the group.
///
/// # Errors
/// When the configuration is refused by librdkafka. Kafka itself need not be there.
fn subscribe(
    kind: Kind,
    config: &KafkaConfig,
    context: Context,
) -> KafkaResult<Arc<StreamConsumer<Context>>> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("group.id", config.group_of(kind))
        .set("client.id", "sluice-consumer")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", config.session_timeout_ms.to_string())
        .set("heartbeat.interval.ms", (config.session_timeout_ms / 4).max(1).to_string())
        // A partition may wait for ClickHouse as long as it must; the poll goes on meanwhile.
        .set("max.poll.interval.ms", "86400000")
        // Bounds librdkafka's own read-ahead; the owners' inboxes are bounded by pausing.
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.message.max.bytes", "1048576")
        .set("statistics.interval.ms", "1000")
        .set("reconnect.backoff.max.ms", "2000")
        .set("topic.metadata.refresh.interval.ms", "10000");
    if !config.instance_id.is_empty() {
        client.set("group.instance.id", &config.instance_id);
    }
    let consumer: StreamConsumer<Context> = client.create_with_context(context)?;
    consumer.subscribe(&[config.topic_of(kind)])?;
    Ok(Arc::new(consumer))
}

/// A topic's group that this program is in.
pub struct Source {
    kind: Kind,
    consumer: Arc<StreamConsumer<Context>>,
    topic: Arc<str>,
    session: Duration,
    to_start: mpsc::UnboundedReceiver<Started>,
}

impl Source {
    /// Joins the group.
    ///
    /// # Errors
    /// When librdkafka refuses its configuration.
    pub fn join(
        kind: Kind,
        config: &KafkaConfig,
        metrics: &Metrics,
        readiness: &Readiness,
    ) -> KafkaResult<Self> {
        let (started, to_start) = mpsc::unbounded_channel();
        let context = Context {
            kind,
            topic: config.topic_of(kind).to_owned(),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            handles: Mutex::default(),
            started,
        };
        let consumer = subscribe(kind, config, context)?;
        let session = Duration::from_millis(config.session_timeout_ms.into());
        Ok(Self { kind, consumer, topic: config.topic_of(kind).into(), session, to_start })
    }

    /// What the group has committed.
    #[must_use]
    pub fn offsets(&self) -> Offsets {
        let (consumer, topic) = (Arc::clone(&self.consumer), Arc::clone(&self.topic));
        Offsets { consumer, topic, session: self.session }
    }

    /// Reads until the service drains. The owners are tasks of the lifecycle: a drain waits for their last batch.
    ///
    /// # Errors
    /// When Kafka will give nothing more.
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
                Some(Started { partition, inbox, revoked, gate }) = self.to_start.recv() => {
                    let committer =
                        Committer { offsets: self.offsets(), partition, revoked, gate, last: Arc::default() };
                    let owner = lifecycle.spawn(Partition::new(self.kind, shared.clone(), committer, inbox).run());
                    lifecycle.spawn(end_with(owner, lifecycle.clone()));
                }
                _ = tick.tick() => resume(&self.consumer, &self.topic, buffer_bytes / 2),
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
                        tracing::warn!(%error, "kafka");
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

/// A partition without its owner would stand still unseen: better that the program ends and is started again.
async fn end_with(owner: tokio::task::JoinHandle<()>, lifecycle: Lifecycle) {
    if let Err(error) = owner.await {
        tracing::error!(%error, "a partition's owner failed");
        lifecycle.begin_drain();
    }
}

fn hand_over(consumer: &StreamConsumer<Context>, message: &BorrowedMessage<'_>, buffer_bytes: usize) {
    let record = read_record(message);
    let mut handles = consumer.context().lock();
    let Some(handle) = handles.get_mut(&message.partition()) else { return };
    let buffered =
        handle.buffered_bytes.fetch_add(record.value.len(), Ordering::Relaxed) + record.value.len();
    if handle.records.send(record).is_err() {
        tracing::debug!(partition = message.partition(), "record of a partition that has ended");
    }
    if buffered > buffer_bytes && !handle.paused {
        handle.paused = change(consumer, message.topic(), message.partition(), true);
    }
}

fn resume(consumer: &StreamConsumer<Context>, topic: &str, below_bytes: usize) {
    let mut handles = consumer.context().lock();
    for (partition, handle) in handles.iter_mut().filter(|(_, handle)| handle.paused) {
        if handle.buffered_bytes.load(Ordering::Relaxed) < below_bytes {
            handle.paused = change(consumer, topic, *partition, false);
        }
    }
}

/// Pauses or resumes a partition; gives back whether it is paused now.
fn change(consumer: &StreamConsumer<Context>, topic: &str, partition: i32, pause: bool) -> bool {
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let changed = if pause { consumer.pause(&list) } else { consumer.resume(&list) };
    match changed {
        Ok(()) => pause,
        Err(error) => {
            tracing::warn!(%error, partition, pause, "cannot pause or resume");
            !pause
        }
    }
}

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
