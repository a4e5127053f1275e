//! Replays parked events that found what they waited for, exactly once: orders whose prospect has come, prospects whose
//! key or user is known by now.
//!
//! A replay is a batch like any other, only that its events come from `parked_log`: what it takes, and whose that is, is
//! settled as a verdict under a number (`replay/topic/partition/n`), its inserts carry tokens of that number, and the last
//! of them moves the pseudo-lane `replay/topic/partition` on to n + 1. A crash anywhere is followed by the same replay n with
//! the same verdict. Only the owner of the partition that an event came by replays it.
//!
//! An order that waits can be deleted meanwhile (`changes/waiting.rs`), and its prospect edited (`changes/origin_edits.rs`). The
//! verdict is written before it is looked whether that has happened, and what was found then is settled, too: it is what the
//! replay keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::ParkedRow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::decode::Lanes;
use crate::directory::Directory;
use crate::enrich::Enricher;
use crate::erased::event_of;
use crate::insert::Batch;
use crate::parked::MAX_REPLAYED;
use crate::partition::{Partition, Revoked};
use crate::rows::{Origin, Rows, owner_of_parked, prospect_of};
use crate::store::{StoreError, Verdict};

/// The state that a replay gives stands above the one by which an order is deleted or erased at the same time.
const VERSION_STEP: u64 = 2;

/// A partition that was just taken has more urgent things to do.
pub(crate) const FORGET_AFTER: Duration = Duration::from_secs(600);
const FORGET_EVERY: Duration = Duration::from_secs(24 * 3600);

/// What may be waiting, so that nobody is asked without a reason.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) orders: bool,
    pub(crate) prospects: bool,
    /// A replay that somebody left unfinished.
    is_begun: bool,
    /// Whether this owner has completed a replay, so that nobody else can have begun the next one.
    is_next_new: bool,
    /// The version of the directory by which all prospects that wait were looked at.
    looked_at: Option<i64>,
}

impl Waiting {
    pub(crate) const fn any(&self) -> bool {
        self.orders || self.prospects || self.is_begun
    }

    /// Notes what a batch parked, which was resolved with this version of the directory.
    pub(crate) fn note(&mut self, rows: &Rows, version: i64) {
        let mut parked = rows.parked.iter().filter(|row| row.state == "waiting").peekable();
        if parked.peek().is_some() {
            self.looked_at = self.looked_at.map(|looked_at| looked_at.min(version));
        }
        for row in parked {
            self.orders |= row.kind == "order";
            self.prospects |= row.kind == "prospect";
        }
    }
}

/// A replay that is to be made.
struct Replay {
    verdict: Verdict,
    parked: Vec<ParkedRow>,
    directory: Arc<Directory>,
}

/// The pseudo-lane of a partition's replays, in which each is an ordinal. `source` is `topic/partition`.
pub(crate) fn lane_of(source: &str) -> String {
    format!("replay/{source}")
}

impl Partition {
    /// Looks whether anything waits, or a replay was left unfinished: when the partition is taken, and after a replay.
    pub(crate) async fn look_what_waits(&mut self) -> Result<(), Revoked> {
        let (store, partition) = (self.shared.store.clone(), self.committer.partition);
        let (_, batch) = self.next_replay_batch();
        self.waiting.orders = self.insist("clickhouse", || store.do_orders_wait(partition)).await?;
        self.waiting.prospects = self.insist("clickhouse", || store.do_prospects_wait(partition)).await?;
        let begun = self.insist("clickhouse", || store.verdict::<Verdict>(&batch.name)).await?;
        self.waiting.is_begun = begun.is_some();
        Ok(())
    }

    /// Removes what was ended long ago from among the parked events, once a day. Not while a replay is unfinished, which
    /// may need what was deleted meanwhile.
    pub(crate) async fn forget_ended(&mut self) {
        if self.waiting.is_begun || Instant::now() < self.next_forgetting {
            return;
        }
        self.next_forgetting = Instant::now() + FORGET_EVERY;
        let (store, partition) = (&self.shared.store, self.committer.partition);
        let kept_ms = self.shared.config.keep_replayed_days * 24 * 3600 * 1000;
        let before_ms = i64::try_from(self.shared.clock.now_ms().saturating_sub(kept_ms)).unwrap_or_default();
        // It has time: no batch waits for a second try.
        match store.forget_ended(partition, before_ms).await {
            Ok(0) => {}
            Ok(n_ended) => {
                tracing::info!(partition, n_ended, "forgot parked events that were ended long ago")
            }
            Err(error) => tracing::warn!(partition, %error, "cannot forget parked events"),
        }
    }

    /// The number of the next replay, and the name of its batch.
    fn next_replay_batch(&self) -> (u64, Batch) {
        let lane = lane_of(&self.source);
        let number = self.lanes.get(&lane).copied().unwrap_or(0);
        let is_repeated = !self.waiting.is_next_new || self.begin < self.doubted_before;
        (number, Batch::new(format!("{lane}/{number}"), is_repeated, true))
    }

    /// Replays what can be replayed now. Cheap when nothing can. Says whether there may be more.
    pub(crate) async fn replay(&mut self) -> Result<bool, Revoked> {
        let started = Instant::now();
        let (number, mut batch) = self.next_replay_batch();
        let keeper = self.shared.directory.clone();
        let directory = self.insist("directory", || keeper.current()).await?;
        let version = directory.version;
        let Some(replay) = self.settle_replay(&mut batch, directory).await? else {
            self.waiting.looked_at = Some(version);
            return Ok(false);
        };

        let lane = lane_of(&self.source);
        let rows = replay_rows(&replay, &lane, self.shared.clock.now_ms(), &self.shared.enricher);
        let moved = Lanes::from([(lane, number + 1)]);
        self.insert(&batch, &rows, &moved).await?;
        self.lanes.extend(moved);
        self.waiting.is_next_new = true;
        self.observe(&rows, started);
        self.look_what_waits().await?;
        let (partition, n_orders) = (self.committer.partition, rows.orders.len());
        tracing::info!(partition, n_orders, n_prospects = rows.prospects.len(), "replayed parked events");
        Ok(true)
    }

    /// The verdict of this replay, an earlier one if a replay of this number was begun, with the events that it keeps.
    async fn settle_replay(
        &self,
        batch: &mut Batch,
        directory: Arc<Directory>,
    ) -> Result<Option<Replay>, Revoked> {
        let (store, keeper) = (&self.shared.store, &self.shared.directory);
        let verdict = match self.insist("clickhouse", || store.verdict::<Verdict>(&batch.name)).await? {
            Some(verdict) => {
                batch.is_repeated = true;
                batch.has_markers = verdict.has_markers;
                verdict
            }
            None => {
                let mut places = self.insist("clickhouse", || self.prospects_to_replay(&directory)).await?;
                places.extend(self.insist("clickhouse", || self.orders_to_replay()).await?);
                if places.is_empty() {
                    return Ok(None);
                }
                let version = Some(directory.version);
                let mine = Verdict { places, directory: version, has_markers: true, ..Verdict::default() };
                self.settle_verdict(batch, &batch.name, &mine).await?
            }
        };
        let directory = match verdict.directory {
            Some(version) => self.insist("directory", || keeper.at(version)).await?,
            None => directory,
        };
        let parked = self.settle_kept(batch, &verdict).await?;
        Ok(Some(Replay { verdict, parked, directory }))
    }

    /// The events of a replay's verdict that were not deleted, and whose prospects were not edited, when they were first looked
    /// at after it.
    async fn settle_kept(&self, batch: &Batch, verdict: &Verdict) -> Result<Vec<ParkedRow>, Revoked> {
        let (store, name) = (&self.shared.store, format!("{}/kept", batch.name));
        let (partition, places) = (self.committer.partition, verdict.places.keys().collect::<Vec<_>>());
        let mut parked = self.insist("clickhouse", || store.parked_at(partition, &places)).await?;
        let settled = self.insist("clickhouse", || store.verdict(&name)).await?;
        let kept: BTreeSet<String> = if let Some(kept) = settled {
            kept
        } else {
            let orders = parked.iter().filter(|row| row.kind == "order");
            let prospects = orders.filter_map(prospect_of_parked).collect();
            let known = self.insist("clickhouse", || store.find_prospects(&prospects)).await?;
            let is_as_settled = |row: &&ParkedRow| match prospect_of_parked(row) {
                Some(prospect_id) if row.kind == "order" => {
                    known.get(&prospect_id) == verdict.places.get(&row.place)
                }
                _ => true,
            };
            let waiting = parked.iter().filter(|row| row.state == "waiting").filter(is_as_settled);
            let waiting = waiting.map(|row| row.place.clone()).collect();
            self.settle_verdict(batch, &name, &waiting).await?
        };
        parked.retain(|row| kept.contains(&row.place));
        Ok(parked)
    }

    /// Waiting orders whose prospect has come, and whose it is.
    async fn orders_to_replay(&self) -> Result<BTreeMap<String, Origin>, StoreError> {
        if !self.waiting.orders {
            return Ok(BTreeMap::new());
        }
        let (store, partition) = (&self.shared.store, self.committer.partition);
        let known = store.appeared_prospects(partition).await?;
        if known.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = store.waiting_orders(partition, &known).await?;
        let owned = rows.into_iter().filter_map(|row| {
            let origin = known.get(&prospect_of_parked(&row)?)?.clone();
            Some((row.place, origin))
        });
        Ok(owned.collect())
    }

    /// Waiting prospects that the directory knows by now. What changed since it was last looked at is looked for, or all
    /// that waits when that is too long ago.
    async fn prospects_to_replay(
        &self,
        directory: &Directory,
    ) -> Result<BTreeMap<String, Origin>, StoreError> {
        if !self.waiting.prospects || self.waiting.looked_at == Some(directory.version) {
            return Ok(BTreeMap::new());
        }
        let (store, partition) = (&self.shared.store, self.committer.partition);
        let changed = match self.waiting.looked_at {
            Some(version) => self.shared.directory.changed_since(version).await,
            None => None,
        };
        let mut references = match changed {
            Some(changed) => changed,
            None => store.waiting_references(partition).await?,
        };
        references.retain(|reference| directory.knows(reference));
        let rows = store.waiting_prospects(partition, &references).await?;
        let owned = rows.into_iter().filter_map(|row| {
            let owner = owner_of_parked(&event_of(&row)?, directory)?;
            // Its dimensions are those of the event itself.
            Some((row.place, Origin { owner, ..Origin::default() }))
        });
        Ok(owned.take(MAX_REPLAYED).collect())
    }
}

/// The prospect that a waiting order names.
fn prospect_of_parked(order: &ParkedRow) -> Option<Uuid> {
    order.reference.parse().ok()
}

/// The rows of a replay: the events that the verdict names, and their end as parked events. Without the bytes: a replayed
/// order's contact is in `order_contacts` and nowhere else.
fn replay_rows(replay: &Replay, lane: &str, now_ms: u64, enricher: &Enricher) -> Rows {
    let mut rows = Rows::default();
    let lane: Arc<str> = lane.into();
    let places: &BTreeMap<String, Origin> = &replay.verdict.places;
    for parked in &replay.parked {
        let Some(origin) = places.get(&parked.place) else { continue };
        match replay_one(&mut rows, parked, origin, &replay.directory, enricher) {
            Some(time_ms) => {
                rows.count(time_ms, &lane, Outcome::Replayed, "");
                rows.parked.push(ParkedRow {
                    state: "replayed".to_owned(),
                    last_tried: i64::try_from(now_ms).unwrap_or_default(),
                    payload: String::new(),
                    version: parked.version + VERSION_STEP,
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

fn replay_one(
    rows: &mut Rows,
    parked: &ParkedRow,
    origin: &Origin,
    directory: &Directory,
    enricher: &Enricher,
) -> Option<u64> {
    let event = event_of(parked)?;
    if event.order.is_some() {
        rows.store_order(&event, prospect_of(&event)?, origin, directory);
    } else {
        rows.store_prospect(&event, origin.owner, enricher);
    }
    Some(event.time_ms)
}
