//! One assigned partition: takes its records, batch by batch, through the plan-commit protocol.
//!
//! directory → plan → verdict → rows → ordinals → end. Every step can be repeated; a crash between any two of them is mended by
//! whoever takes the partition next, from the plan and the tokens alone (`docs/exactly-once.md`). Between batches, events
//! that found what they waited for are replayed by the same steps ([`crate::replayer`]).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use sluice_runtime::clock::Clock;
use sluice_schemas::change::ChangeError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::changes;
use crate::commit::{Commit, Committer, Offsets, Place, Plan};
use crate::config::BatchConfig;
use crate::decode::{Lanes, Record};
use crate::directory::Directory;
use crate::directory::keeper::Keeper;
use crate::enrich::Enricher;
use crate::insert::Batch;
use crate::metrics::{Metrics, PartitionLabels};
use crate::replayer::{FORGET_AFTER, Waiting};
use crate::store::Store;

/// What all partitions share.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub directory: Keeper,
    pub enricher: Arc<Enricher>,
    pub metrics: Metrics,
    /// How far the events are stored, also for who changes them.
    pub events: Offsets,
    pub config: BatchConfig,
    pub clock: Clock,
    pub readiness: sluice_runtime::ops::Readiness,
    pub draining: CancellationToken,
}

/// What a topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chunks of events from the edges.
    Events,
    /// Edits and deletions of what is stored.
    Changes,
}

/// A change is waited for by who made it: its batch is closed soon.
const CHANGES_LINGER: Duration = Duration::from_millis(20);
/// A batch of changes is one statement a table, with every id in it.
const MAX_CHANGES: usize = 500;

impl Kind {
    /// The word in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Changes => "changes",
        }
    }

    pub(crate) fn linger(self, config: &BatchConfig) -> Duration {
        match self {
            Self::Events => Duration::from_millis(config.linger_ms),
            Self::Changes => CHANGES_LINGER,
        }
    }

    pub(crate) fn max_events(self, config: &BatchConfig) -> usize {
        match self {
            Self::Events => config.max_events,
            Self::Changes => MAX_CHANGES,
        }
    }
}

/// A partition's records on their way in, with the bytes that lie there.
pub struct Inbox {
    pub records: mpsc::UnboundedReceiver<Record>,
    pub buffered_bytes: Arc<AtomicUsize>,
}

/// Why work on a partition ends before its time.
#[derive(Debug, thiserror::Error)]
#[error("the partition was taken away")]
pub struct Revoked;

/// The owner of one partition, as long as it is assigned.
pub struct Partition {
    pub(crate) kind: Kind,
    pub(crate) shared: Shared,
    pub(crate) committer: Committer,
    pub(crate) inbox: Inbox,
    /// `topic/partition`: begins every token.
    pub(crate) source: String,
    pub(crate) lanes: Lanes,
    pub(crate) waiting: Waiting,
    pub(crate) next_replay: Instant,
    pub(crate) next_forgetting: Instant,
    /// A record that came while a batch before it was completed.
    pub(crate) held: Option<Record>,
    /// The first offset that is not done.
    pub(crate) begin: i64,
    /// Batches that begin before this offset are in doubt: a plan may have been lost there.
    pub(crate) doubted_before: i64,
}

/// The longest pause between two tries of what failed.
const MAX_PAUSE: Duration = Duration::from_secs(5);

impl Partition {
    /// Prepares to own a partition.
    #[must_use]
    pub fn new(kind: Kind, shared: Shared, committer: Committer, inbox: Inbox) -> Self {
        let source = format!("{}/{}", committer.offsets.topic, committer.partition);
        Self {
            kind,
            shared,
            committer,
            inbox,
            source,
            lanes: Lanes::new(),
            waiting: Waiting::default(),
            next_replay: Instant::now(),
            next_forgetting: Instant::now() + FORGET_AFTER,
            held: None,
            begin: 0,
            doubted_before: 0,
        }
    }

    /// Works until the partition is taken away or the service drains.
    pub async fn run(mut self) {
        let partition = self.committer.partition;
        tracing::info!(partition, "partition taken");
        match self.work().await {
            Ok(()) => tracing::info!(partition, "partition left in order"),
            Err(Revoked) => tracing::info!(partition, "partition taken away"),
        }
    }

    async fn work(&mut self) -> Result<(), Revoked> {
        let committer = self.committer.clone();
        let mut place = self.insist("kafka", || committer.read()).await?;
        if self.kind == Kind::Events {
            let store = self.shared.store.clone();
            self.lanes = self.insist("clickhouse", || store.lanes()).await?;
            self.look_what_waits().await?;
        }
        self.doubted_before = place.doubted_before;
        let (partition, begin) = (committer.partition, place.begin);
        if let Some(Plan { end, directory, .. }) = place.plan {
            tracing::info!(partition, begin, end, directory, "repeating a planned batch");
        } else if self.may_have_lost_a_plan(place.commit).await? {
            let until = self.insist("kafka", || committer.next_offset()).await?;
            // The next owner has to know it, too.
            self.insist("kafka", || committer.end(begin, until)).await?;
            self.doubted_before = until;
            tracing::warn!(partition, begin, until, "no batch ended here: looking for rows of a lost plan");
        }
        loop {
            self.begin = place.begin;
            let Some(mut records) = self.collect(place.begin, place.plan).await? else { return Ok(()) };
            let newer = self.cut_before_newer(&mut records, place.plan.is_some());
            // A repeated batch keeps its planned range, whatever of it Kafka still has.
            let range = match (place.plan, records.first(), records.last()) {
                (Some(plan), ..) if newer.is_none() => Some((place.begin, plan.end)),
                (_, Some(first), Some(last)) => Some((first.offset, last.offset + 1)),
                _ => None,
            };
            if let Some((begin, end)) = range {
                match self.kind {
                    Kind::Events => self.store_events(begin, end, place.plan, &records).await?,
                    Kind::Changes => self.store_changes(begin, end, place.plan, &records).await?,
                }
                place = Place { begin: end, commit: Commit::Own, ..Place::default() };
            }
            if let Some((offset, error)) = newer {
                return self.stand_still(offset, error).await;
            }
            if self.waiting.any() && Instant::now() >= self.next_replay {
                let is_more = self.replay().await?;
                let pause = if is_more { 0 } else { self.shared.config.replay_interval_ms };
                self.next_replay = Instant::now() + Duration::from_millis(pause);
            }
            if self.kind == Kind::Events {
                self.forget_ended().await;
            }
        }
    }

    /// Whether somebody else has set the offset, or the offsets of a group that has stored something are lost.
    async fn may_have_lost_a_plan(&self, commit: Commit) -> Result<bool, Revoked> {
        let store = &self.shared.store;
        Ok(match commit {
            Commit::Own => false,
            Commit::Foreign => true,
            Commit::Missing => !self.insist("clickhouse", || store.lanes()).await?.is_empty(),
        })
    }

    /// Leaves only what comes before the first change of a later version, and says where that is. Of a planned batch
    /// nothing is left: a part of it would have another token.
    fn cut_before_newer(&self, records: &mut Vec<Record>, is_planned: bool) -> Option<(i64, ChangeError)> {
        if self.kind == Kind::Events {
            return None;
        }
        let (index, error) = changes::first_newer(records)?;
        let offset = records[index].offset;
        records.truncate(if is_planned { 0 } else { index });
        Some((offset, error))
    }

    /// Waits before a record that only a later version of this program can apply: those behind it must not overtake it, and
    /// it must not be lost, since whoever made it was told that it is kept.
    async fn stand_still(&self, offset: i64, error: ChangeError) -> Result<(), Revoked> {
        let (partition, readiness) = (self.committer.partition, &self.shared.readiness);
        tracing::error!(partition, offset, %error, "the partition stands still until a later version of this program takes it");
        readiness
            .not_ready("changes", format!("partition {partition} stands still at offset {offset}: {error}"));
        let labels = PartitionLabels { topic: self.kind.as_str(), partition };
        let stopped = self.shared.metrics.stopped.get_or_create(&labels).clone();
        stopped.set(1);
        let outcome = tokio::select! {
            () = self.committer.revoked.cancelled() => Err(Revoked),
            () = self.shared.draining.cancelled() => Ok(()),
        };
        stopped.set(0);
        readiness.ready("changes");
        outcome
    }

    /// The batch of a range of records.
    pub(crate) fn batch(&self, begin: i64, end: i64, began_ms: i64, plan: Option<Plan>) -> Batch {
        let is_repeated = plan.is_some() || begin < self.doubted_before;
        let has_markers = plan.is_none_or(|plan| plan.has_markers);
        Batch::new(self.batch_name(begin, end, began_ms), is_repeated, has_markers)
    }

    /// The name of a batch in its tokens. With the time of its first record, since a topic that was made anew has the old
    /// offsets again; from its plan, since Kafka may have dropped that record when a batch is repeated.
    fn batch_name(&self, begin: i64, end: i64, began_ms: i64) -> String {
        format!("{}/{begin}-{end}@{began_ms}", self.source)
    }

    /// Fixes the range of a batch, when it began and the directory that it is resolved with; or takes what was fixed.
    pub(crate) async fn plan(
        &self,
        begin: i64,
        end: i64,
        began_ms: i64,
        plan: Option<Plan>,
    ) -> Result<Arc<Directory>, Revoked> {
        let (keeper, committer) = (&self.shared.directory, &self.committer);
        if let Some(version) = plan.and_then(|plan| plan.directory) {
            return self.insist("directory", || keeper.at(version)).await;
        }
        let directory = self.insist("directory", || keeper.current()).await?;
        let (version, began_ms) = (Some(directory.version), Some(began_ms));
        let plan = Plan { end, directory: version, began_ms, has_markers: true };
        self.insist("kafka", || committer.plan(begin, plan, self.doubted_before)).await?;
        Ok(directory)
    }

    /// Says that a batch is done.
    pub(crate) async fn end(&self, end: i64) -> Result<(), Revoked> {
        self.insist("kafka", || self.committer.end(end, self.doubted_before)).await
    }

    /// Does something until it works, with growing pauses; gives up only when the partition is taken away.
    pub(crate) async fn insist<T, E, F, W>(&self, part: &'static str, mut work: W) -> Result<T, Revoked>
    where
        E: std::fmt::Display,
        F: Future<Output = Result<T, E>>,
        W: FnMut() -> F,
    {
        let mut pause = Duration::from_millis(100);
        loop {
            let outcome = tokio::select! {
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                outcome = work() => outcome,
            };
            match outcome {
                Ok(value) => {
                    self.shared.readiness.ready(part);
                    return Ok(value);
                }
                Err(error) => {
                    self.shared.metrics.retries.inc();
                    tracing::warn!(part, %error, pause_ms = pause.as_millis(), "failed; trying again");
                    self.shared.readiness.not_ready(part, error.to_string());
                }
            }
            tokio::select! {
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}
