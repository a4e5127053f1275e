//! The partitions that Kafka has assigned to this program. librdkafka's callbacks begin and end
//! their leases here; they run inside the poll, before any record of the new assignment is seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use sluice_runtime::ops::Readiness;
use tokio::sync::mpsc;

use crate::decode::Record;
use crate::lease::Lease;
use crate::metrics::{Metrics, PartitionLabels};
use crate::topic::Topic;

/// The records of one partition on their way in, and how many bytes of them wait.
pub struct Inbox {
    pub(crate) records: mpsc::UnboundedReceiver<Record>,
    pub(crate) buffered_bytes: Arc<AtomicUsize>,
}

/// A partition that was just assigned.
pub(crate) struct Assigned {
    pub(crate) partition: i32,
    pub(crate) inbox: Inbox,
    pub(crate) lease: Lease,
}

/// The near end of an assigned partition's inbox.
pub(crate) struct Outlet {
    records: mpsc::UnboundedSender<Record>,
    buffered_bytes: Arc<AtomicUsize>,
    lease: Lease,
    /// Whether Kafka was asked to send no more, since too many bytes wait.
    pub(crate) is_paused: bool,
}

impl Outlet {
    /// Passes a record on, and returns how many bytes wait now.
    pub(crate) fn send(&self, record: Record) -> usize {
        let (n_bytes, offset) = (record.value.len(), record.offset);
        let n_buffered = self.buffered_bytes.fetch_add(n_bytes, Ordering::Relaxed) + n_bytes;
        if self.records.send(record).is_err() {
            tracing::debug!(offset, "record of a partition that has ended");
        }
        n_buffered
    }

    /// The number of bytes that wait.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.buffered_bytes.load(Ordering::Relaxed)
    }
}

/// The context of a Kafka client, which librdkafka calls back into.
pub struct Context {
    topic: Topic,
    topic_name: String,
    metrics: Metrics,
    readiness: Readiness,
    outlets: Mutex<HashMap<i32, Outlet>>,
    assigned: mpsc::UnboundedSender<Assigned>,
}

impl Context {
    pub(crate) fn new(
        topic: Topic,
        topic_name: &str,
        metrics: &Metrics,
        readiness: &Readiness,
        assigned: mpsc::UnboundedSender<Assigned>,
    ) -> Self {
        Self {
            topic,
            topic_name: topic_name.to_owned(),
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            outlets: Mutex::default(),
            assigned,
        }
    }

    /// The partitions that are assigned now, by their numbers.
    pub(crate) fn outlets(&self) -> MutexGuard<'_, HashMap<i32, Outlet>> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&self, partition: i32) {
        let (records, receiver) = mpsc::unbounded_channel();
        let (buffered_bytes, lease) = (Arc::new(AtomicUsize::new(0)), Lease::default());
        let inbox = Inbox { records: receiver, buffered_bytes: Arc::clone(&buffered_bytes) };
        let assigned = Assigned { partition, inbox, lease: lease.clone() };
        self.outlets().insert(partition, Outlet { records, buffered_bytes, lease, is_paused: false });
        if self.assigned.send(assigned).is_err() {
            tracing::debug!(partition, "assigned while ending");
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info => tracing::debug!(fac, message, "kafka"),
            _ => tracing::warn!(fac, message, "kafka"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        let Some(topic) = statistics.topics.get(&self.topic_name) else { return };
        for partition in topic.partitions.values().filter(|partition| partition.consumer_lag >= 0) {
            let labels = PartitionLabels { topic: self.topic.as_str(), partition: partition.partition };
            self.metrics.lag.get_or_create(&labels).set(partition.consumer_lag);
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let mut paused = TopicPartitionList::new();
        for partition in partitions(list) {
            let Some(outlet) = self.outlets().remove(&partition) else { continue };
            outlet.lease.revoke();
            if outlet.is_paused {
                paused.add_partition(&self.topic_name, partition);
            }
        }
        // librdkafka keeps a pause over an assignment: should the partition come back, it must be
        // read.
        if let Err(error) = consumer.resume(&paused) {
            tracing::warn!(%error, "cannot resume partitions that were taken away");
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            for partition in partitions(list) {
                self.assign(partition);
            }
            // In the group, if only as a standby.
            self.readiness.ready("kafka");
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(TopicPartitionListElem::partition).collect()
}
