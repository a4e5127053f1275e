//! The tables, topics and consumer of one scenario, and the edge, whose role the runner plays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use prost::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_consumer::commit::ENDED;
use sluice_runtime::kafka;
use sluice_schemas::change::{SCHEMA_HEADER, SCHEMA_VERSION};
use sluice_schemas::chunk::{ChunkHeader, FIRST_ORDINAL, push_event};
use uuid::Uuid;

use super::ledger::Check;
use super::scenario::Batch;
use crate::child::Child;
use crate::testbed::{PrivateServers, Testbed};

/// Small batches, immediate replays, and an instance id, so that a killed consumer gets its
/// partitions back when it returns.
const SETTINGS: [(&str, &str); 4] = [
    ("SLUICE__BATCH__LINGER_MS", "20"),
    ("SLUICE__BATCH__REPLAY_INTERVAL_MS", "100"),
    ("SLUICE__KAFKA__INSTANCE_ID", "crash-points"),
    ("SLUICE__KAFKA__SESSION_TIMEOUT_MS", "6000"),
];
/// The largest number of events in one chunk of a setup.
const MAX_EVENTS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(20);

/// The reader group of a topic, and the offset that it must reach.
struct Group {
    client: Arc<BaseConsumer>,
    topic: String,
    end: i64,
}

/// The servers and services of one scenario, with one partition per topic.
pub(super) struct World {
    pub(super) testbed: Testbed,
    pub(super) consumer: Child,
    producer: FutureProducer,
    events: Group,
    changes: Group,
    edge: Uuid,
    next_seq: u64,
}

impl World {
    /// Creates topics and tables, and starts a consumer on them.
    pub(super) async fn start(servers: &PrivateServers, name: &str) -> anyhow::Result<Self> {
        let testbed = servers.testbed(name, 1).await?;
        let consumer = testbed.consumer(&SETTINGS).await?;
        let name = "sluice-bench";
        let group = |topic: &str, group: String| -> anyhow::Result<Group> {
            let client = Arc::new(kafka::consumer(&testbed.brokers, name, &group).create()?);
            Ok(Group { client, topic: topic.to_owned(), end: 0 })
        };
        let events = group(&testbed.topic, testbed.group())?;
        let changes = group(&testbed.changes_topic, format!("{}-changes", testbed.group()))?;
        // Records that are sent together arrive together, as one batch.
        let producer = kafka::producer(&testbed.brokers, name).set("linger.ms", "20").create()?;
        Ok(Self {
            testbed,
            consumer,
            producer,
            events,
            changes,
            edge: Uuid::now_v7(),
            next_seq: FIRST_ORDINAL,
        })
    }

    /// Returns the names of the tables by their UUIDs, which are the names of their folders.
    pub(super) async fn tables(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let sql = "SELECT toString(uuid), name FROM system.tables \
                   WHERE database = currentDatabase() AND engine LIKE '%MergeTree'";
        let text = self.testbed.clickhouse.query(sql).await?;
        let names = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(names.map(|(uuid, name)| (uuid.to_owned(), name.to_owned())).collect())
    }

    /// Merges each table to one part per month. A mutation makes calls for every part, and the
    /// numbers of the calls must mean the same in every round.
    pub(super) async fn merge_parts(&self, tables: &BTreeMap<String, String>) -> anyhow::Result<()> {
        for table in tables.values() {
            self.testbed.clickhouse.query(&format!("OPTIMIZE TABLE {table} FINAL")).await?;
        }
        Ok(())
    }

    /// Sends events in as few chunks as possible.
    pub(super) async fn send_events(&mut self, events: &[Vec<u8>]) -> anyhow::Result<()> {
        for events in events.chunks(MAX_EVENTS) {
            let mut value = Vec::new();
            events.iter().for_each(|event| push_event(&mut value, event));
            let count = u32::try_from(events.len())?;
            let header = ChunkHeader { edge: self.edge, lane: 0, first_seq: self.next_seq, count };
            let texts = header.to_text();
            let headers = texts.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                headers.insert(Header { key, value: Some(value.as_bytes()) })
            });
            let record =
                FutureRecord::<(), _>::to(&self.events.topic).partition(0).headers(headers).payload(&value);
            let sent = self.producer.send(record, PATIENCE).await;
            let delivered = sent.map_err(|(error, _)| error).context("cannot send events")?;
            self.events.end = delivered.offset + 1;
            self.next_seq += u64::from(count);
        }
        Ok(())
    }

    /// Sends a batch as one chunk of events, or as changes that arrive together.
    pub(super) async fn send(&mut self, batch: &Batch) -> anyhow::Result<()> {
        self.send_events(&batch.events).await?;
        let mut under_way = Vec::new();
        for (prospect, change) in &batch.changes {
            let (key, value, schema) =
                (prospect.to_string(), change.encode_to_vec(), SCHEMA_VERSION.to_string());
            let headers =
                OwnedHeaders::new().insert(Header { key: SCHEMA_HEADER, value: Some(schema.as_bytes()) });
            let record = FutureRecord::to(&self.changes.topic).key(&key).headers(headers).payload(&value);
            let queued = self.producer.send_result(record).map_err(|(error, _)| error);
            under_way.push(queued.context("cannot send a change")?);
        }
        for delivery in under_way {
            let delivered = delivery.await?.map_err(|(error, _)| error).context("cannot send a change")?;
            self.changes.end = self.changes.end.max(delivered.offset + 1);
        }
        Ok(())
    }

    /// Returns the check of the lane after all events were accepted.
    pub(super) fn lane_check(&self) -> Check {
        Check::lane(&sluice_schemas::chunk::lane_name(self.edge, 0), self.next_seq)
    }

    /// Returns whether the consumer has committed the end of everything that was sent.
    pub(super) async fn is_finished(&self) -> anyhow::Result<bool> {
        Ok(self.events.is_finished().await? && self.changes.is_finished().await?)
    }
}

impl Group {
    async fn is_finished(&self) -> anyhow::Result<bool> {
        if self.end == 0 {
            return Ok(true);
        }
        let (client, topic, end) = (Arc::clone(&self.client), self.topic.clone(), self.end);
        let committed = tokio::task::spawn_blocking(move || -> anyhow::Result<bool> {
            let mut list = TopicPartitionList::new();
            list.add_partition(&topic, 0);
            let committed = client.committed_offsets(list, PATIENCE)?;
            let place = committed.find_partition(&topic, 0).context("no partition")?;
            // A plan is also an offset, but with other metadata.
            Ok(place.offset() == Offset::Offset(end) && place.metadata() == ENDED)
        });
        committed.await?
    }
}
