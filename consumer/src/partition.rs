//! One assigned partition: collects records into batches and takes each through the plan-commit protocol.
//!
//! directory → plan → verdict → rows → ordinals → end. Every step can be repeated; a crash between any two of them is mended by whoever
//! takes the partition next, from the plan and the tokens alone (`docs/exactly-once.md`). Between batches, events
//! that found what they waited for are replayed by the same steps ([`crate::replay`]).

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sluice_runtime::clock::Clock;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::commit::{Committer, Place, Plan};
use crate::config::BatchConfig;
use crate::decode::{Lanes, Placed, Record, decode_records};
use crate::directory::Directory;
use crate::directory::keeper::Keeper;
use crate::enrich::Enricher;
use crate::metrics::{Metrics, OutcomeLabels};
use crate::replay::Waiting;
use crate::rows::{Means, Rows, own_prospects, wanted_prospects};
use crate::store::{Store, Verdict};

/// What all partitions share.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub directory: Keeper,
    pub enricher: Arc<Enricher>,
    pub metrics: Metrics,
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

    fn linger(self, config: &BatchConfig) -> Duration {
        match self {
            Self::Events => Duration::from_millis(config.linger_ms),
            Self::Changes => CHANGES_LINGER,
        }
    }

    fn max_events(self, config: &BatchConfig) -> usize {
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
    kind: Kind,
    pub(crate) shared: Shared,
    pub(crate) committer: Committer,
    inbox: Inbox,
    /// `topic/partition`: begins every token.
    pub(crate) source: String,
    pub(crate) lanes: Lanes,
    pub(crate) waiting: Waiting,
    next_replay: Instant,
    /// A record that came while a batch before it was completed.
    held: Option<Record>,
}

/// The longest pause between two tries of what failed.
const MAX_PAUSE: Duration = Duration::from_secs(5);

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

async fn next_record(held: &mut Option<Record>, inbox: &mut Inbox) -> Option<Record> {
    if let Some(record) = held.take() {
        return Some(record);
    }
    let record = inbox.records.recv().await?;
    inbox.buffered_bytes.fetch_sub(record.value.len(), Ordering::Relaxed);
    Some(record)
}

impl Partition {
    /// Prepares to own a partition.
    #[must_use]
    pub fn new(kind: Kind, shared: Shared, committer: Committer, inbox: Inbox) -> Self {
        let source = format!("{}/{}", committer.topic, committer.partition);
        Self {
            kind,
            shared,
            committer,
            inbox,
            source,
            lanes: Lanes::new(),
            waiting: Waiting::default(),
            next_replay: Instant::now(),
            held: None,
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
        let store = self.shared.store.clone();
        if self.kind == Kind::Events {
            let partition = committer.partition;
            self.lanes = self.insist("clickhouse", || store.lanes()).await?;
            self.waiting.orders = self.insist("clickhouse", || store.do_orders_wait(partition)).await?;
            self.waiting.prospects = self.insist("clickhouse", || store.do_prospects_wait(partition)).await?;
        }
        if let Some(Plan { end, directory }) = place.plan {
            let (partition, begin) = (committer.partition, place.begin);
            tracing::info!(partition, begin, end, directory, "repeating a planned batch");
        }
        loop {
            let Some(records) = self.collect(place.begin, place.plan).await? else { return Ok(()) };
            // A repeated batch keeps its planned range, whatever of it Kafka still has.
            let range = match (place.plan, records.first(), records.last()) {
                (Some(plan), ..) => Some((place.begin, plan.end)),
                (None, Some(first), Some(last)) => Some((first.offset, last.offset + 1)),
                _ => None,
            };
            if let Some((begin, end)) = range {
                match self.kind {
                    Kind::Events => self.store_events(begin, end, place.plan, &records).await?,
                    Kind::Changes => self.store_changes(begin, end, place.plan, &records).await?,
                }
                place = Place { begin: end, plan: None };
            }
            if self.waiting.any() && Instant::now() >= self.next_replay {
                let is_more = self.replay().await?;
                let pause = if is_more { 0 } else { self.shared.config.replay_interval_ms };
                self.next_replay = Instant::now() + Duration::from_millis(pause);
            }
        }
    }

    /// Gathers the records of the next batch: up to the planned end if there is one, else until it is full or old enough.
    /// Empty when it is time to look at waiting events; `None` when the service drains.
    async fn collect(&mut self, begin: i64, plan: Option<Plan>) -> Result<Option<Vec<Record>>, Revoked> {
        let planned_end = plan.map(|plan| plan.end);
        let mut records = Vec::new();
        let mut n_events = 0;
        let mut deadline = None;
        loop {
            if planned_end.is_none() && n_events >= self.kind.max_events(&self.shared.config) {
                return Ok(Some(records));
            }
            // A planned range is closed by its records alone, however long they take.
            let wake = match (planned_end, deadline) {
                (Some(_), _) => None,
                (None, Some(deadline)) => Some(deadline),
                (None, None) => self.waiting.any().then_some(self.next_replay),
            };
            tokio::select! {
                biased;
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                () = self.shared.draining.cancelled() => return Ok(None),
                record = next_record(&mut self.held, &mut self.inbox) => {
                    let Some(record) = record else { return Err(Revoked) };
                    if record.offset < records.last().map_or(begin, |last: &Record| last.offset + 1) {
                        continue;
                    }
                    if planned_end.is_some_and(|end| record.offset >= end) {
                        // Kafka has no more of the planned range.
                        self.held = Some(record);
                        return Ok(Some(records));
                    }
                    let offset = record.offset;
                    n_events += record.header.as_ref().map_or(1, |header| header.count as usize);
                    let linger = self.kind.linger(&self.shared.config);
                    deadline.get_or_insert_with(|| Instant::now() + linger);
                    records.push(record);
                    if planned_end.is_some_and(|end| offset + 1 >= end) {
                        return Ok(Some(records));
                    }
                }
                () = sleep_until(wake) => return Ok(Some(records)),
            }
        }
    }

    /// Takes a batch of events through the protocol; `plan` is there for one that is computed again.
    async fn store_events(
        &mut self,
        begin: i64,
        end: i64,
        plan: Option<Plan>,
        records: &[Record],
    ) -> Result<(), Revoked> {
        let started = Instant::now();
        // With the time of its first record: a topic that was made anew has the old offsets again.
        let began_ms = records.first().map_or(0, |record| record.timestamp_ms);
        let batch = format!("{}/{begin}-{end}@{began_ms}", self.source);
        let run = decode_records(&self.source, records, &self.lanes);

        let directory = self.plan(begin, end, plan).await?;
        let verdict = self.verdict(&batch, plan.is_some(), &run.events, &directory).await?;
        let mut rows = Rows::default();
        let means = Means {
            partition: self.committer.partition,
            known: &verdict.known,
            directory: &directory,
            enricher: &self.shared.enricher,
        };
        for placed in &run.events {
            rows.add(placed, &means);
        }
        self.insert(&batch, &rows, &run.moved).await?;
        self.end(end).await?;

        self.shared.metrics.repeated.inc_by(run.n_repeated);
        self.shared.metrics.missing.inc_by(run.n_missing);
        self.lanes.extend(run.moved);
        self.waiting.note(&rows, directory.version);
        self.observe(&rows, started);
        Ok(())
    }

    /// Fixes the range of a batch and the directory that it is resolved with; or takes what was fixed.
    pub(crate) async fn plan(
        &self,
        begin: i64,
        end: i64,
        plan: Option<Plan>,
    ) -> Result<Arc<Directory>, Revoked> {
        let (keeper, committer) = (&self.shared.directory, &self.committer);
        if let Some(version) = plan.and_then(|plan| plan.directory) {
            return self.insist("directory", || keeper.at(version)).await;
        }
        let directory = self.insist("directory", || keeper.current()).await?;
        let plan = Plan { end, directory: Some(directory.version) };
        self.insist("kafka", || committer.plan(begin, plan)).await?;
        Ok(directory)
    }

    /// Says that a batch is done.
    pub(crate) async fn end(&self, end: i64) -> Result<(), Revoked> {
        self.insist("kafka", || self.committer.end(end)).await
    }

    /// Which prospects the batch's orders find: its own by looking at it, the others by asking, once and for all.
    async fn verdict(
        &self,
        batch: &str,
        repeated: bool,
        events: &[Placed],
        directory: &Directory,
    ) -> Result<Verdict, Revoked> {
        let wanted = wanted_prospects(events);
        let own = own_prospects(events, &wanted, directory);
        let foreign: BTreeSet<_> = wanted.into_iter().filter(|id| !own.contains_key(id)).collect();
        let mut verdict = if foreign.is_empty() {
            Verdict::default()
        } else {
            let store = &self.shared.store;
            self.insist("clickhouse", || async {
                if repeated && let Some(verdict) = store.verdict(batch).await? {
                    return Ok(verdict);
                }
                let known = store.find_prospects(&foreign).await?;
                store.settle_verdict(batch, Verdict { known, ..Verdict::default() }).await
            })
            .await?
        };
        verdict.known.extend(own);
        Ok(verdict)
    }

    /// Inserts a batch's rows and then its ordinals.
    pub(crate) async fn insert(&mut self, batch: &str, rows: &Rows, moved: &Lanes) -> Result<(), Revoked> {
        let store = &self.shared.store;
        let outcomes: Vec<_> = rows.outcome_rows().collect();
        // Each table for itself: what has its rows is not asked again because another table fails, so that a token is not
        // used after its table has forgotten it.
        futures::try_join!(
            self.insist("clickhouse", || store.insert("prospects", batch, &rows.prospects)),
            self.insist("clickhouse", || store.insert("prospect_index", batch, &rows.index)),
            self.insist("clickhouse", || store.insert("order_contacts", batch, &rows.contacts)),
            self.insist("clickhouse", || store.insert("rollup_hourly", batch, rows.rollup.values())),
            self.insist("clickhouse", || store.insert("outcomes", batch, &outcomes)),
        )?;
        // After their contacts: what an order's erasure looks for is there once the order is.
        self.insist("clickhouse", || store.insert("orders", batch, &rows.orders)).await?;
        // After the others: a replay reads its events from here when it is repeated, and ends their state here.
        self.insist("clickhouse", || store.insert("parked_log", batch, &rows.parked)).await?;
        let (partition, now_ms) = (self.committer.partition, self.shared.clock.now_ms());
        self.insist("clickhouse", || store.insert_lanes(batch, partition, moved, now_ms)).await?;
        Ok(())
    }

    pub(crate) fn observe(&self, rows: &Rows, started: Instant) {
        let metrics = &self.shared.metrics;
        metrics.batches.inc();
        metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
        for ((_, _, outcome, reason), count) in &rows.outcomes {
            metrics.events.get_or_create(&OutcomeLabels { outcome, reason }).inc_by(*count);
        }
        if let Some(newest) = rows.prospects.iter().map(|row| row.time).max() {
            let age_ms = i64::try_from(self.shared.clock.now_ms()).unwrap_or_default() - newest;
            #[expect(clippy::cast_precision_loss, reason = "an age, not a count")]
            metrics.freshness_seconds.set(age_ms as f64 / 1000.0);
        }
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
