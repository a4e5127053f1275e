//! Replays parked events that found what they waited for, exactly once: orders whose prospect has come, prospects whose
//! key or user is known by now.
//!
//! A replay is a batch like any other, only that its events come from `parked_log`: what it takes, and whose that is, is
//! settled as a verdict under a number (`replay/topic/partition/n`), its inserts carry tokens of that number, and the last
//! of them moves the pseudo-lane `replay/topic/partition` on to n + 1. A crash anywhere is followed by the same replay n with
//! the same verdict. Only the owner of the partition that an event came by replays it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use sluice_schemas::chunk::decode_event;
use sluice_schemas::event::Event;
use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::ParkedRow;
use tokio::time::Instant;

use crate::decode::Lanes;
use crate::directory::Directory;
use crate::enrich::Enricher;
use crate::partition::{Partition, Revoked};
use crate::rows::{Owner, Rows, owner_of_parked, prospect_of};
use crate::store::{MAX_REPLAYED, Verdict};

/// What may be waiting, so that nobody is asked without a reason.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) orders: bool,
    pub(crate) prospects: bool,
    /// The version of the directory by which all prospects that wait were looked at.
    looked_at: Option<i64>,
}

impl Waiting {
    pub(crate) const fn any(&self) -> bool {
        self.orders || self.prospects
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
}

impl Partition {
    /// Replays what can be replayed now. Cheap when nothing can. Says whether there may be more.
    pub(crate) async fn replay(&mut self) -> Result<bool, Revoked> {
        let started = Instant::now();
        let lane = format!("replay/{}", self.source);
        let number = self.lanes.get(&lane).copied().unwrap_or(0);
        let batch = format!("{lane}/{number}");
        let keeper = self.shared.directory.clone();
        let directory = self.insist("directory", || keeper.current()).await?;
        let Some(replay) = self.settle_replay(&batch, &directory).await? else {
            self.waiting.looked_at = Some(directory.version);
            return Ok(false);
        };

        let (now_ms, enricher) = (self.shared.clock.now_ms(), &self.shared.enricher);
        let rows = replay_rows(&replay, &lane, now_ms, enricher);
        let moved = Lanes::from([(lane, number + 1)]);
        self.insert(&batch, &rows, &moved).await?;
        self.lanes.extend(moved);
        self.observe(&rows, started);

        let (store, partition) = (self.shared.store.clone(), self.committer.partition);
        self.waiting.orders = self.insist("clickhouse", || store.do_orders_wait(partition)).await?;
        self.waiting.prospects = self.insist("clickhouse", || store.do_prospects_wait(partition)).await?;
        let (n_orders, n_prospects) = (rows.orders.len(), rows.prospects.len());
        tracing::info!(partition, n_orders, n_prospects, "replayed parked events");
        Ok(true)
    }

    /// The verdict of this replay, an earlier one if a replay of this number was begun, with the events that it takes.
    async fn settle_replay(&self, batch: &str, directory: &Directory) -> Result<Option<Replay>, Revoked> {
        let (store, partition) = (&self.shared.store, self.committer.partition);
        self.insist("clickhouse", || async {
            if let Some(verdict) = store.verdict::<Verdict>(batch).await? {
                let parked = store.waiting_at(partition, &verdict.places.keys().collect::<Vec<_>>()).await?;
                return Ok::<_, crate::store::StoreError>(Some(Replay { verdict, parked }));
            }
            let mut taken = self.prospects_to_replay(directory).await?;
            taken.extend(self.orders_to_replay().await?);
            if taken.is_empty() {
                return Ok(None);
            }
            let places = taken.iter().map(|(row, owner)| (row.place.clone(), *owner)).collect();
            let mine = Verdict { places, ..Verdict::default() };
            let verdict = store.settle_verdict(batch, mine.clone()).await?;
            let parked = if verdict == mine {
                taken.into_iter().map(|(row, _)| row).collect()
            } else {
                // The verdict that stands is another owner's.
                store.waiting_at(partition, &verdict.places.keys().collect::<Vec<_>>()).await?
            };
            Ok(Some(Replay { verdict, parked }))
        })
        .await
    }

    /// Waiting orders whose prospect has come, and whose it is.
    async fn orders_to_replay(&self) -> Result<Vec<(ParkedRow, Owner)>, crate::store::StoreError> {
        if !self.waiting.orders {
            return Ok(Vec::new());
        }
        let (store, partition) = (&self.shared.store, self.committer.partition);
        let known = store.appeared_prospects(partition).await?;
        if known.is_empty() {
            return Ok(Vec::new());
        }
        let rows = store.waiting_orders(partition, &known).await?;
        let owned = rows.into_iter().filter_map(|row| {
            let owner = *known.get(&row.reference.parse().ok()?)?;
            Some((row, owner))
        });
        Ok(owned.collect())
    }

    /// Waiting prospects that the directory knows by now. What changed since it was last looked at is looked for, or all
    /// that waits when that is too long ago.
    async fn prospects_to_replay(
        &self,
        directory: &Directory,
    ) -> Result<Vec<(ParkedRow, Owner)>, crate::store::StoreError> {
        if !self.waiting.prospects || self.waiting.looked_at == Some(directory.version) {
            return Ok(Vec::new());
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
            Some((row, owner))
        });
        Ok(owned.take(MAX_REPLAYED).collect())
    }
}

fn event_of(parked: &ParkedRow) -> Option<Event> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(&parked.payload).ok()?;
    decode_event(Bytes::from(bytes)).ok()
}

/// The rows of a replay: the events that the verdict names, and their end as parked events. Without the bytes: a replayed
/// order's contact is in `order_contacts` and nowhere else.
fn replay_rows(replay: &Replay, lane: &str, now_ms: u64, enricher: &Enricher) -> Rows {
    let mut rows = Rows::default();
    let lane: Arc<str> = lane.into();
    let places: &BTreeMap<String, Owner> = &replay.verdict.places;
    for parked in &replay.parked {
        let Some(owner) = places.get(&parked.place) else { continue };
        match replay_one(&mut rows, parked, *owner, enricher) {
            Some(time_ms) => {
                rows.count(time_ms, &lane, Outcome::Replayed, "");
                rows.parked.push(ParkedRow {
                    state: "replayed".to_owned(),
                    last_tried: i64::try_from(now_ms).unwrap_or_default(),
                    payload: String::new(),
                    version: parked.version + 1,
                    ..parked.clone()
                });
            }
            None => {
                tracing::error!(place = parked.place, "a parked event cannot be read");
                rows.parked.push(ParkedRow {
                    reason: ParkReason::Unreadable.as_str().to_owned(),
                    version: parked.version + 1,
                    ..parked.clone()
                });
            }
        }
    }
    rows
}

fn replay_one(rows: &mut Rows, parked: &ParkedRow, owner: Owner, enricher: &Enricher) -> Option<u64> {
    let event = event_of(parked)?;
    if event.order.is_some() {
        rows.store_order(&event, prospect_of(&event)?, owner);
    } else {
        rows.store_prospect(&event, owner, enricher);
    }
    Some(event.time_ms)
}
