//! Kafka's committed offset as the plan of a batch.
//!
//! A batch commits twice. First it commits its *plan*: the offset where it begins, with its end,
//! the directory's version and the time of its first record in the metadata (`batch 1234 directory
//! 56 began 1790000000000`). Then it commits its end (`ended`). After a crash the partition's next
//! owner finds either an end, or a plan whose range it must compute again, to the record and with
//! that version, so that its rows are the same. A consumer that has lost the partition cannot
//! commit.
//!
//! Metadata that begins with `plan` was written by an older version, whose sums had no markers.
//!
//! Offsets that were set with Kafka's tools have no such metadata: a plan may have been lost with
//! them. The owner then adds `doubted 2345`: batches that begin before this offset are in doubt.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::assignment::Context;
use crate::lease::{Lease, Revoked};
use crate::retry::Retriable;

/// The place where a partition was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The first offset that is not done.
    pub begin: i64,
    /// The batch that was begun there.
    pub plan: Option<Plan>,
    pub commit: Commit,
    /// Batches that begin before this offset are in doubt.
    pub doubted_before: i64,
}

impl Place {
    /// Whether a plan may have been lost here.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.doubted_before > self.begin || self.commit == Commit::Foreign
    }
}

/// The author of a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Commit {
    /// Nobody: the group is new, or its offsets were lost.
    #[default]
    Missing,
    /// Another program.
    Foreign,
    /// This program: a plan or an end.
    Own,
}

/// The facts of a batch that are fixed before it writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Before this offset.
    pub end: i64,
    /// The version of the directory that resolves its events; `None` in old plans.
    pub directory: Option<i64>,
    /// When its first record was made, in Unix milliseconds; `None` in old plans.
    pub began_ms: Option<i64>,
    /// Whether its sums have markers.
    pub has_markers: bool,
}

/// The committed offsets of a topic's group, whoever owns the partitions.
#[derive(Clone)]
pub struct Offsets {
    pub consumer: Arc<StreamConsumer<Context>>,
    pub topic: Arc<str>,
    /// After this long without a heartbeat another consumer may own the partitions.
    pub session: Duration,
}

/// The committed offset of one assigned partition.
#[derive(Clone)]
pub struct Committer {
    pub offsets: Offsets,
    pub partition: i32,
    pub lease: Lease,
    /// The offset and the metadata that were read or committed last.
    last: Arc<Mutex<Option<(i64, String)>>>,
}

/// A commit that was not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The partition is no longer ours: drop everything.
    #[error(transparent)]
    Revoked(#[from] Revoked),
    /// Computed again in another way, the batch would be counted twice.
    #[error("the plan \"{0}\" cannot be read by this version")]
    Unreadable(String),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

impl Retriable for CommitError {
    fn is_retriable(&self) -> bool {
        match self {
            Self::Revoked(_) | Self::Unreadable(_) => false,
            // A fatal one ends the program (`subscription.rs`).
            Self::Kafka(_) => true,
        }
    }
}

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Offsets {
    /// Reads the places of all partitions.
    ///
    /// # Errors
    /// If Kafka does not answer in time, or this version cannot read a plan.
    pub async fn read_all(&self) -> Result<BTreeMap<i32, Place>, CommitError> {
        let this = self.clone();
        run_blocking(move || read_all(&*this.consumer, &this.topic)).await
    }
}

/// Reads the places of all partitions of a topic. Blocks its thread.
///
/// # Errors
/// If Kafka does not answer in time, or this version cannot read a plan.
pub(crate) fn read_all<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
) -> Result<BTreeMap<i32, Place>, CommitError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let found = metadata.topics().first();
    if let Some(error) = found.and_then(|found| found.error()) {
        return Err(KafkaError::MetadataFetch(error.into()).into());
    }
    // An empty list does not mean that no partition has a plan.
    let partitions = found.map_or(&[][..], |found| found.partitions());
    if partitions.is_empty() {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition).into());
    }
    let committed = read_texts(consumer, topic, partitions.iter().map(|partition| partition.id()))?;
    let place = |(partition, committed): (i32, Option<(i64, String)>)| {
        let place = committed.map(|(begin, metadata)| read_place(begin, &metadata)).transpose()?;
        Ok((partition, place.unwrap_or_default()))
    };
    committed.into_iter().map(place).collect()
}

/// The committed offsets with their metadata.
fn read_texts<C: ConsumerContext>(
    consumer: &impl Consumer<C>,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
) -> KafkaResult<BTreeMap<i32, Option<(i64, String)>>> {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(list, PATIENCE)?;
    let mut texts = BTreeMap::new();
    for element in committed.elements() {
        element.error()?;
        let text = match element.offset() {
            Offset::Offset(begin) => Some((begin, element.metadata().to_owned())),
            _ => None,
        };
        texts.insert(element.partition(), text);
    }
    Ok(texts)
}

impl Committer {
    /// Prepares to commit offsets of a partition. Reads nothing yet.
    #[must_use]
    pub fn new(offsets: Offsets, partition: i32, lease: Lease) -> Self {
        Self { offsets, partition, lease, last: Arc::default() }
    }

    /// Reads where the partition was left.
    ///
    /// # Errors
    /// If Kafka does not answer in time, or this version cannot read the plan.
    pub async fn read(&self) -> Result<Place, CommitError> {
        let this = self.clone();
        run_blocking(move || {
            let Offsets { consumer, topic, .. } = &this.offsets;
            let mut texts = read_texts(&**consumer, topic, std::iter::once(this.partition))?;
            let Some((begin, metadata)) = texts.remove(&this.partition).flatten() else {
                return Ok(Place::default());
            };
            let place = read_place(begin, &metadata)?;
            this.remember(begin, metadata);
            Ok(place)
        })
        .await
    }

    /// Commits the plan of a batch that begins at `begin`.
    pub async fn plan(&self, begin: i64, plan: Plan, doubted_before: i64) -> Result<(), CommitError> {
        self.commit(begin, write_plan(plan) + &write_doubt(begin, doubted_before)).await
    }

    /// Commits the end of a batch.
    pub async fn end(&self, end: i64, doubted_before: i64) -> Result<(), CommitError> {
        self.commit(end, ENDED.to_owned() + &write_doubt(end, doubted_before)).await
    }

    /// Repeats the last commit. Kafka refuses it if another consumer owns the partition.
    pub async fn confirm(&self) -> Result<(), CommitError> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match last {
            Some((offset, metadata)) => self.commit(offset, metadata).await,
            None => Ok(()),
        }
    }

    fn remember(&self, offset: i64, metadata: String) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((offset, metadata));
    }

    /// The offset of the next record that comes to the partition.
    ///
    /// # Errors
    /// If Kafka does not answer in time.
    pub async fn next_offset(&self) -> Result<i64, CommitError> {
        let this = self.clone();
        run_blocking(move || {
            let (_, next) =
                this.offsets.consumer.fetch_watermarks(&this.offsets.topic, this.partition, PATIENCE)?;
            Ok(next)
        })
        .await
    }

    async fn commit(&self, offset: i64, metadata: String) -> Result<(), CommitError> {
        let this = self.clone();
        run_blocking(move || {
            let mut list = TopicPartitionList::new();
            let mut element = list.add_partition(&this.offsets.topic, this.partition);
            element.set_offset(Offset::Offset(offset))?;
            element.set_metadata(&metadata);
            this.lease.commit(|| this.offsets.consumer.commit(&list, CommitMode::Sync))??;
            this.remember(offset, metadata);
            Ok(())
        })
        .await
    }
}

fn write_plan(plan: Plan) -> String {
    let word =
        |name: &str, number: Option<i64>| number.map_or(String::new(), |number| format!(" {name} {number}"));
    let first = if plan.has_markers { "batch" } else { "plan" };
    format!("{first} {}{}{}", plan.end, word("directory", plan.directory), word("began", plan.began_ms))
}

/// The metadata of a batch's end.
pub const ENDED: &str = "ended";

fn write_doubt(offset: i64, doubted_before: i64) -> String {
    if doubted_before > offset { format!(" doubted {doubted_before}") } else { String::new() }
}

fn read_place(begin: i64, metadata: &str) -> Result<Place, CommitError> {
    let unreadable = || CommitError::Unreadable(metadata.to_owned());
    let (text, doubted_before) = match metadata.split_once(" doubted ") {
        Some((text, offset)) => (text, offset.parse().map_err(|_| unreadable())?),
        None => (metadata, 0),
    };
    let (plan, commit) = match text {
        "" if doubted_before == 0 => (None, Commit::Foreign),
        ENDED => (None, Commit::Own),
        text => (Some(read_plan(text).ok_or_else(unreadable)?), Commit::Own),
    };
    Ok(Place { begin, plan, commit, doubted_before })
}

fn read_plan(text: &str) -> Option<Plan> {
    let number = |text: Option<&str>| text.map(str::parse).transpose().ok();
    let read = |end: &str, directory, began_ms, has_markers| {
        let (directory, began_ms) = (number(directory)?, number(began_ms)?);
        Some(Plan { end: end.parse().ok()?, directory, began_ms, has_markers })
    };
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["plan", end] => read(end, None, None, false),
        ["plan", end, "directory", directory] => read(end, Some(directory), None, false),
        ["plan", end, "directory", directory, "began", began_ms] => {
            read(end, Some(directory), Some(began_ms), false)
        }
        ["batch", end, "directory", directory, "began", began_ms] => {
            read(end, Some(directory), Some(began_ms), true)
        }
        _ => None,
    }
}

/// Runs one of librdkafka's calls that block their thread.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("the work does not panic and is not aborted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plan_is_a_plan() {
        let began = Some(1_790_000_000_000);
        for (directory, began_ms, has_markers) in
            [(None, None, false), (Some(56), None, false), (Some(56), began, false), (Some(56), began, true)]
        {
            let plan = Plan { end: 1234, directory, began_ms, has_markers };
            assert_eq!(read_plan(&write_plan(plan)), Some(plan));
        }
        for other in [
            "plan",
            "plan x directory 1",
            "plan 1 directory",
            "plan 1 directory x",
            "plan 1 directory 2 began",
            "plan 1 began 2 directory 3",
            "plan 1 directory 2 began 3 ",
            "batch 1",
            "another",
        ] {
            assert!(read_place(1, other).is_err(), "{other}");
        }
    }

    #[test]
    fn an_offset_of_somebody_else_is_no_end() {
        let end = Place { begin: 7, plan: None, commit: Commit::Own, doubted_before: 0 };
        assert_eq!(read_place(7, ENDED).unwrap(), end);
        assert_eq!(read_place(7, "").unwrap(), Place { commit: Commit::Foreign, ..end });
        assert!(!end.is_doubted() && read_place(7, "").unwrap().is_doubted());
        assert!(read_place(7, "ended ").is_err());
    }

    #[test]
    fn doubt_is_remembered_until_its_offset() {
        let plan = Plan { end: 9, directory: Some(1), began_ms: Some(2), has_markers: true };
        let text = write_plan(plan) + &write_doubt(7, 12);
        let place = Place { begin: 7, plan: Some(plan), commit: Commit::Own, doubted_before: 12 };
        assert_eq!(read_place(7, &text).unwrap(), place);
        let text = ENDED.to_owned() + &write_doubt(9, 12);
        assert!(read_place(9, &text).unwrap().is_doubted());
        assert_eq!(ENDED.to_owned() + &write_doubt(12, 12), ENDED);
        for other in [" doubted 12", "ended doubted", "ended doubted x", "ended doubted 1 2"] {
            assert!(read_place(7, other).is_err(), "{other}");
        }
    }
}
