//! Replays parked events that can be stored now, exactly once: orders whose prospect has come,
//! prospects whose key or user has become known, and events that an Owner has mended. Also moves
//! events that an Owner ignores, or lets wait again, and those that have expired.
//!
//! A replay is a batch whose events come from `parked_log`. Its name is a number
//! (`replay/topic/partition/n`). Its verdict (made by `findings.rs`) says which events it stores
//! and who owns them, and which it moves: so no event is both stored and ignored. Its last insert
//! moves the pseudo-lane `replay/topic/partition` on to n + 1. A crash anywhere is followed by the
//! same replay n with the same verdict. Only the owner of the partition by which an event came
//! replays it.
//!
//! A waiting order can be deleted meanwhile (`changes/waiting.rs`), and its prospect edited
//! (`changes/origin_edits.rs`). The replay first writes its verdict and only then looks for
//! deletions and edits. The events that it keeps after this look are a second verdict (`…/kept`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::ParkedRow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::batch::Batch;
use crate::context::PartitionContext;
use crate::decode::Lanes;
use crate::directory::Directory;
use crate::enrich::Enricher;
use crate::erased::event_of;
use crate::findings::{Finder, Waiting};
use crate::insert::Inserter;
use crate::owner::Inherited;
use crate::retry::{Part, Stop};
use crate::rows::Rows;
use crate::store::{Move, Verdict};

/// The state that a replay gives is above the one by which an order is deleted or erased at the
/// same time.
const VERSION_STEP: u64 = 2;

/// A partition that was just taken has more urgent things to do.
const FORGET_AFTER: Duration = Duration::from_secs(600);
const FORGET_EVERY: Duration = Duration::from_secs(24 * 3600);
const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// Replays the parked events of one partition.
pub(crate) struct Replayer {
    context: Arc<PartitionContext>,
    inserter: Inserter,
    /// The number of the next replay.
    number: u64,
    waiting: Waiting,
    next_replay: Instant,
    next_forgetting: Instant,
}

/// A replay that is to be made.
struct Replay {
    verdict: Verdict,
    parked: Vec<ParkedRow>,
    directory: Arc<Directory>,
}

/// The pseudo-lane of a partition's replays, in which each is an ordinal. The name of the partition
/// is `topic/partition`.
pub(crate) fn replay_lane(partition: &str) -> String {
    format!("replay/{partition}")
}

/// The name of a replay.
pub(crate) fn replay_name(lane: &str, number: u64) -> String {
    format!("{lane}/{number}")
}

impl Replayer {
    /// Looks whether anything waits, or a replay was left unfinished.
    pub(crate) async fn open(context: Arc<PartitionContext>, lanes: &Lanes) -> Result<Self, Stop> {
        let number = lanes.get(&replay_lane(&context.name)).copied().unwrap_or(0);
        let now = Instant::now();
        let mut replayer = Self {
            inserter: Inserter::new(Arc::clone(&context)),
            context,
            number,
            waiting: Waiting::default(),
            next_replay: now,
            next_forgetting: now + FORGET_AFTER,
        };
        replayer.look_for_waiting().await?;
        Ok(replayer)
    }

    /// When the next look for events that can be replayed is due, if any wait.
    pub(crate) fn wake(&self) -> Option<Instant> {
        self.waiting.needs_looks().then_some(self.next_replay)
    }

    /// Notes the events that a batch parked, which was resolved with this version of the directory.
    pub(crate) fn note_parked(&mut self, rows: &Rows, directory_version: i64) {
        let mut parked = rows.parked.iter().filter(|row| row.state == "waiting").peekable();
        let waiting = &mut self.waiting;
        if parked.peek().is_some() {
            waiting.looked_up_at = waiting.looked_up_at.map(|version| version.min(directory_version));
        }
        for row in parked {
            (waiting.any, waiting.is_new) = (true, true);
            waiting.orders |= row.kind == "order";
            waiting.prospects |= row.kind == "prospect";
        }
    }

    /// Replays what can be replayed now, if a look is due. Cheap if nothing can. `is_doubted` tells
    /// that another owner may have begun the replay.
    pub(crate) async fn replay_if_due(&mut self, is_doubted: bool) -> Result<(), Stop> {
        if self.wake().is_none_or(|wake| Instant::now() < wake) {
            return Ok(());
        }
        let is_more = self.replay(is_doubted).await?;
        let pause_ms = if is_more { 0 } else { self.context.shared.config.replay_interval_ms };
        self.next_replay = Instant::now() + Duration::from_millis(pause_ms);
        Ok(())
    }

    /// Removes events that were ended long ago from the parked ones, once a day. Not while a replay
    /// is unfinished, which may need them.
    pub(crate) async fn forget_ended_if_due(&mut self) {
        if self.waiting.is_begun || Instant::now() < self.next_forgetting {
            return;
        }
        self.next_forgetting = Instant::now() + FORGET_EVERY;
        let shared = &self.context.shared;
        let kept_ms = shared.config.keep_replayed_days * 24 * 3600 * 1000;
        let before_ms = i64::try_from(shared.clock.now_ms().saturating_sub(kept_ms)).unwrap_or_default();
        // Not urgent: no batch waits for a second try.
        match shared.store.forget_ended(self.context.partition(), before_ms).await {
            Ok(0) => {}
            Ok(n_ended) => tracing::info!(n_ended, "forgot parked events that were ended long ago"),
            Err(error) => tracing::warn!(%error, "cannot forget parked events"),
        }
    }

    async fn look_for_waiting(&mut self) -> Result<(), Stop> {
        let (context, partition) = (&self.context, self.context.partition());
        let (store, name) = (&context.shared.store, self.name());
        self.waiting.orders = context.ask_clickhouse(|| store.do_orders_wait(partition)).await?;
        self.waiting.prospects = context.ask_clickhouse(|| store.do_prospects_wait(partition)).await?;
        self.waiting.any = context.ask_clickhouse(|| store.do_any_wait(partition)).await?;
        self.waiting.ignored = context.ask_clickhouse(|| store.are_any_ignored(partition)).await?;
        let begun = context.ask_clickhouse(|| store.verdict::<Verdict>(&name)).await?;
        self.waiting.is_begun = begun.is_some();
        Ok(())
    }

    fn lane(&self) -> String {
        replay_lane(&self.context.name)
    }

    /// The name of the next replay.
    fn name(&self) -> String {
        replay_name(&self.lane(), self.number)
    }

    /// Makes one replay. Returns whether there may be more to replay.
    #[tracing::instrument(skip_all, fields(number = self.number))]
    async fn replay(&mut self, is_doubted: bool) -> Result<bool, Stop> {
        let started = Instant::now();
        let mut batch = Batch::new(self.name(), !self.waiting.is_next_new || is_doubted, true);
        let shared = &self.context.shared;
        let current = || shared.directory.current();
        let directory = self.context.retry_until_revoked(Part::Directory, current).await?;
        let version = directory.version;
        let Some(replay) = self.settle(&mut batch, directory).await? else {
            let waiting = &mut self.waiting;
            (waiting.looked_up_at, waiting.is_new) = (Some(version), false);
            if waiting.is_expiry_due() {
                waiting.next_expiry = Some(Instant::now() + EXPIRE_EVERY);
            }
            return Ok(false);
        };

        let lane = self.lane();
        let rows = replay_rows(&replay, &lane, self.context.now_ms(), &shared.classifier.current());
        rows.assert_summed();
        let next = self.number + 1;
        self.inserter.insert_events(&batch, &rows, &Lanes::from([(lane, next)])).await?;
        shared.metrics.observe_batch(&rows, started.elapsed(), self.context.now_ms());
        shared.live.show(&rows);
        let (n_orders, n_prospects) = (rows.orders.len(), rows.prospects.len());
        let n_moved = replay.verdict.moves.len();
        tracing::info!(n_orders, n_prospects, n_moved, "replayed parked events");
        self.number = next;
        self.waiting.is_next_new = true;
        self.look_for_waiting().await?;
        Ok(true)
    }

    /// The verdict of this replay, with the events that it keeps: an earlier verdict if a replay of
    /// this number was begun. `None` if nothing can be replayed.
    async fn settle(&self, batch: &mut Batch, directory: Arc<Directory>) -> Result<Option<Replay>, Stop> {
        let context = &self.context;
        let (store, keeper) = (&context.shared.store, &context.shared.directory);
        let earlier = context.ask_clickhouse(|| store.verdict::<Verdict>(&batch.name)).await?;
        let verdict = if let Some(verdict) = earlier {
            batch.is_repeated = true;
            batch.has_markers = verdict.has_markers;
            verdict
        } else {
            let finder = Finder { context, waiting: &self.waiting, directory: &directory };
            let own = context.ask_clickhouse(|| finder.find()).await?;
            if own.places.is_empty() && own.moves.is_empty() {
                return Ok(None);
            }
            self.inserter.store_verdict(batch, &own).await?
        };
        let directory = match verdict.directory {
            Some(version) => context.retry_until_revoked(Part::Directory, || keeper.at(version)).await?,
            None => directory,
        };
        let parked = self.settle_kept(batch, &verdict).await?;
        Ok(Some(Replay { verdict, parked, directory }))
    }

    /// Returns the events of a verdict, except those that the first look after it found deleted or
    /// with an edited prospect.
    async fn settle_kept(&self, batch: &Batch, verdict: &Verdict) -> Result<Vec<ParkedRow>, Stop> {
        let (context, kept) = (&self.context, batch.part("kept"));
        let (store, partition) = (&context.shared.store, context.partition());
        let places: Vec<_> = verdict.places.keys().chain(verdict.moves.keys()).collect();
        let mut parked = context.ask_clickhouse(|| store.parked_at(partition, &places)).await?;
        let earlier = context.ask_clickhouse(|| store.verdict(&kept.name)).await?;
        let places: BTreeSet<String> = if let Some(places) = earlier {
            places
        } else {
            let stored_orders =
                parked.iter().filter(|row| row.kind == "order" && verdict.places.contains_key(&row.place));
            let prospects = stored_orders.filter_map(|row| verdict.prospect_of(row)).collect();
            let known = context.ask_clickhouse(|| store.find_prospects(&prospects)).await?;
            let is_unchanged =
                |row: &&ParkedRow| match (verdict.moves.get(&row.place), verdict.prospect_of(row)) {
                    (Some(moved), _) => moved.can_begin(row),
                    (None, Some(prospect_id)) if row.kind == "order" => {
                        row.state == "waiting" && known.get(&prospect_id) == verdict.places.get(&row.place)
                    }
                    _ => row.state == "waiting",
                };
            let waiting = parked.iter().filter(is_unchanged);
            let places = waiting.map(|row| row.place.clone()).collect();
            self.inserter.store_verdict(&kept, &places).await?
        };
        parked.retain(|row| places.contains(&row.place));
        Ok(parked)
    }
}

impl Verdict {
    /// The prospect under which a replay stores an order.
    fn prospect_of(&self, order: &ParkedRow) -> Option<Uuid> {
        let meant = self.mended.get(&order.place).and_then(|mended| mended.prospect_id);
        meant.or_else(|| order.reference.parse().ok())
    }
}

impl Move {
    /// Whether the event is still in the state that it is moved from. Not after the move: a
    /// repeated replay leaves it alone.
    fn can_begin(&self, row: &ParkedRow) -> bool {
        match self {
            Self::Ignore { .. } | Self::Expire => row.state == "waiting",
            Self::WaitAgain { decision } => row.state == "ignored" && row.decision == *decision,
        }
    }

    /// The new state of an event.
    fn of(&self, parked: &ParkedRow, now_ms: i64) -> ParkedRow {
        let (state, decision, note, payload) = match self {
            Self::Ignore { decision, note } => ("ignored", *decision, note.as_str(), parked.payload.clone()),
            Self::WaitAgain { .. } => ("waiting", 0, "", parked.payload.clone()),
            Self::Expire => ("ignored", 0, "expired", String::new()),
        };
        ParkedRow {
            state: state.to_owned(),
            last_tried: now_ms,
            payload,
            version: parked.version + VERSION_STEP,
            decision,
            note: note.to_owned(),
            ..parked.clone()
        }
    }
}

/// The rows of a replay: those of its events, and their end as parked events. The latter lose their
/// bytes: the contact of a replayed order is in `order_contacts` and nowhere else.
fn replay_rows(replay: &Replay, lane: &str, now_ms: i64, enricher: &Enricher) -> Rows {
    let mut rows = Rows::default();
    let lane: Arc<str> = lane.into();
    for parked in &replay.parked {
        if let Some(moved) = replay.verdict.moves.get(&parked.place) {
            if moved.can_begin(parked) {
                if *moved == Move::Expire {
                    rows.count(parked.first_seen.unsigned_abs(), &lane, Outcome::Expired, "");
                }
                rows.parked.push(moved.of(parked, now_ms));
            }
            continue;
        }
        let Some(inherited) = replay.verdict.places.get(&parked.place) else { continue };
        match replay_event(&mut rows, replay, parked, inherited, enricher) {
            Some(time_ms) => {
                rows.count(time_ms, &lane, Outcome::Replayed, "");
                rows.parked.push(ParkedRow {
                    state: "replayed".to_owned(),
                    last_tried: now_ms,
                    payload: String::new(),
                    version: parked.version + VERSION_STEP,
                    decision: replay.verdict.mended.get(&parked.place).map_or(0, |mended| mended.decision),
                    note: String::new(),
                    ..parked.clone()
                });
            }
            None => {
                tracing::error!(place = parked.place, "a parked event cannot be read");
                rows.parked.push(ParkedRow {
                    reason: ParkReason::Unreadable.as_str().to_owned(),
                    version: parked.version + VERSION_STEP,
                    ..parked.clone()
                });
            }
        }
    }
    rows
}

fn replay_event(
    rows: &mut Rows,
    replay: &Replay,
    parked: &ParkedRow,
    inherited: &Inherited,
    enricher: &Enricher,
) -> Option<u64> {
    let event = event_of(parked)?;
    if event.order.is_some() {
        rows.store_order(&event, replay.verdict.prospect_of(parked)?, inherited, &replay.directory);
    } else {
        rows.store_prospect(&event, inherited.owner, &replay.directory, enricher);
    }
    Some(event.time_ms)
}
