//! Kafka's committed offset as the plan of a batch.
//!
//! A batch commits twice: first its *plan*, the offset where it begins with its end, the directory's version and the time of its
//! first record in the metadata (`plan 1234 directory 56 began 1790000000000`), then its end. Who takes the partition after a
//! crash finds either a plain offset, or a plan whose range it must compute again, to the record and with that version, so that
//! its rows and the tokens of its inserts are the same. A consumer that has lost the partition cannot commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use crate::source::Context;

/// Where a partition was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The first record that is not done.
    pub begin: i64,
    /// The batch that was begun there.
    pub plan: Option<Plan>,
}

/// What is fixed before a batch writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Before this offset.
    pub end: i64,
    /// The version of the directory that its events are resolved with; `None` in a plan of before there was one.
    pub directory: Option<i64>,
    /// When its first record was made, in Unix milliseconds; `None` in a plan of before that was kept.
    pub began_ms: Option<i64>,
}

/// The committed offsets of a topic's group, whoever has the partitions.
#[derive(Clone)]
pub struct Offsets {
    pub consumer: Arc<StreamConsumer<Context>>,
    pub topic: Arc<str>,
}

/// The committed offset of one assigned partition.
#[derive(Clone)]
pub struct Committer {
    pub offsets: Offsets,
    pub partition: i32,
    /// Cancelled when the partition is taken away.
    pub revoked: CancellationToken,
    /// Held during a commit, and by the rebalance while it cancels: a commit never follows a revocation.
    pub gate: Arc<Mutex<()>>,
}

/// Why a commit was not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The partition is no longer ours: drop everything.
    #[error("the partition was taken away")]
    Revoked,
    /// Computed again in another way, the batch would be counted twice.
    #[error("the plan \"{0}\" cannot be read by this version")]
    Unreadable(String),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Offsets {
    /// Reads where all partitions are.
    ///
    /// # Errors
    /// When Kafka does not answer in time, or a plan is one that this version cannot read.
    pub async fn read_all(&self) -> Result<BTreeMap<i32, Place>, CommitError> {
        let this = self.clone();
        run_blocking(move || read_all(&*this.consumer, &this.topic)).await
    }

    fn read(&self, partitions: impl Iterator<Item = i32>) -> Result<BTreeMap<i32, Place>, CommitError> {
        read_some(&*self.consumer, &self.topic, partitions)
    }
}

/// Reads the places of all partitions of a topic. Blocks its thread.
///
/// # Errors
/// If Kafka does not answer in time, or a plan is one that this version cannot read.
pub(crate) fn read_all<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
) -> Result<BTreeMap<i32, Place>, CommitError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().first();
    if let Some(error) = found.and_then(|found| found.error()) {
        return Err(KafkaError::MetadataFetch(error.into()).into());
    }
    // Nothing is not the answer that no partition has a plan.
    let partitions = found.map_or(&[][..], |found| found.partitions());
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition).into());
    }
    read_some(consumer, topic, partitions.iter().map(|partition| partition.id()))
}

fn read_some<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
) -> Result<BTreeMap<i32, Place>, CommitError> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(list, PATIENCE)?;
    let mut places = BTreeMap::new();
    for element in committed.elements() {
        element.error()?;
        let place = match element.offset() {
            Offset::Offset(begin) => Place { begin, plan: read_plan(element.metadata())? },
            _ => Place::default(),
        };
        places.insert(element.partition(), place);
    }
    Ok(places)
}

impl Committer {
    /// Reads where the partition was left.
    ///
    /// # Errors
    /// When Kafka does not answer in time, or the plan is one that this version cannot read.
    pub async fn read(&self) -> Result<Place, CommitError> {
        let this = self.clone();
        run_blocking(move || {
            let places = this.offsets.read(std::iter::once(this.partition))?;
            Ok(places.get(&this.partition).copied().unwrap_or_default())
        })
        .await
    }

    /// Commits the plan of a batch that begins at `begin`.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn plan(&self, begin: i64, plan: Plan) -> Result<(), CommitError> {
        self.commit(begin, write_plan(plan)).await
    }

    /// Commits the end of a batch.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn end(&self, end: i64) -> Result<(), CommitError> {
        self.commit(end, String::new()).await
    }

    async fn commit(&self, offset: i64, metadata: String) -> Result<(), CommitError> {
        let this = self.clone();
        run_blocking(move || {
            let mut list = TopicPartitionList::new();
            let mut element = list.add_partition(&this.offsets.topic, this.partition);
            element.set_offset(Offset::Offset(offset))?;
            element.set_metadata(metadata);
            let _gate = this.gate.lock().unwrap_or_else(PoisonError::into_inner);
            if this.revoked.is_cancelled() {
                return Err(CommitError::Revoked);
            }
            this.offsets.consumer.commit(&list, CommitMode::Sync)?;
            Ok(())
        })
        .await
    }
}

fn write_plan(plan: Plan) -> String {
    let word =
        |name: &str, number: Option<i64>| number.map_or(String::new(), |number| format!(" {name} {number}"));
    format!("plan {}{}{}", plan.end, word("directory", plan.directory), word("began", plan.began_ms))
}

fn read_plan(metadata: &str) -> Result<Option<Plan>, CommitError> {
    let number = |text: Option<&str>| text.map(str::parse).transpose().ok();
    let read = |end: &str, directory, began_ms| {
        Some(Plan { end: end.parse().ok()?, directory: number(directory)?, began_ms: number(began_ms)? })
    };
    let words: Vec<&str> = metadata.split(' ').collect();
    let plan = match words[..] {
        [""] => return Ok(None),
        ["plan", end] => read(end, None, None),
        ["plan", end, "directory", directory] => read(end, Some(directory), None),
        ["plan", end, "directory", directory, "began", began_ms] => {
            read(end, Some(directory), Some(began_ms))
        }
        _ => None,
    };
    plan.map(Some).ok_or_else(|| CommitError::Unreadable(metadata.to_owned()))
}

/// librdkafka's commit and its kin block their thread.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work does not panic and is not aborted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plan_is_a_plan() {
        for (directory, began_ms) in [(None, None), (Some(56), None), (Some(56), Some(1_790_000_000_000))] {
            let plan = Plan { end: 1234, directory, began_ms };
            assert_eq!(read_plan(&write_plan(plan)).unwrap(), Some(plan));
        }
        assert_eq!(read_plan("").unwrap(), None);
        for other in [
            "plan",
            "plan x directory 1",
            "plan 1 directory",
            "plan 1 directory x",
            "plan 1 directory 2 began",
            "plan 1 began 2 directory 3",
            "plan 1 directory 2 began 3 ",
            "another",
        ] {
            assert!(read_plan(other).is_err(), "{other}");
        }
    }
}
