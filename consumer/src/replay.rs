//! Replays orders that waited for their prospect, exactly once.
//!
//! A replay is a batch like any other, only that its events come from `parked_log`: what it takes is settled as a verdict
//! under a number (`replay/topic/partition/n`), its inserts carry tokens of that number, and the last of them moves the
//! pseudo-lane `replay/topic/partition` on to n + 1. A crash anywhere is followed by the same replay n with the same verdict.
//! Only the owner of the partition that an order came by replays it.

use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use sluice_schemas::chunk::decode_event;
use sluice_schemas::outcome::{Outcome, ParkReason};
use sluice_schemas::rows::ParkedRow;
use tokio::time::Instant;

use crate::decode::Lanes;
use crate::partition::{Partition, Revoked};
use crate::rows::{Known, Rows, prospect_of};
use crate::store::Verdict;

impl Partition {
    /// Replays what can be replayed now. Cheap when nothing can.
    pub(crate) async fn replay(&mut self) -> Result<(), Revoked> {
        let started = Instant::now();
        let lane = format!("replay/{}", self.source);
        let number = self.lanes.get(&lane).copied().unwrap_or(0);
        let batch = format!("{lane}/{number}");
        let Some((verdict, waiting)) = self.settle_replay(&batch).await? else { return Ok(()) };

        let rows = replay_rows(&waiting, &verdict, &lane, self.shared.clock.now_ms());
        let moved = Lanes::from([(lane, number + 1)]);
        self.insert(&batch, &rows, &moved).await?;
        self.lanes.extend(moved);
        self.observe(&rows, started);

        let (store, partition) = (self.shared.store.clone(), self.committer.partition);
        self.may_wait = self.insist("clickhouse", || store.count_waiting(partition)).await? > 0;
        tracing::info!(partition, n_orders = rows.orders.len(), "replayed orders whose prospect has come");
        Ok(())
    }

    /// The verdict of this replay, an earlier one if a replay of this number was begun, with the orders it names.
    async fn settle_replay(&self, batch: &str) -> Result<Option<(Verdict, Vec<ParkedRow>)>, Revoked> {
        let (store, partition) = (&self.shared.store, self.committer.partition);
        self.insist("clickhouse", || async {
            if let Some(verdict) = store.verdict(batch).await? {
                let waiting = store.waiting_orders(partition, &verdict.known).await?;
                return Ok::<_, crate::store::StoreError>(Some((verdict, waiting)));
            }
            let known = store.appeared_prospects(partition).await?;
            if known.is_empty() {
                return Ok(None);
            }
            let waiting = store.waiting_orders(partition, &known).await?;
            let places = waiting.iter().map(|row| row.place.clone()).collect();
            let verdict = store.settle_verdict(batch, Verdict { known, places }).await?;
            // The verdict that stands may be another owner's, with other orders.
            let waiting = store.waiting_orders(partition, &verdict.known).await?;
            Ok(Some((verdict, waiting)))
        })
        .await
    }
}

/// The rows of a replay: the orders that the verdict names, and their end as parked events. Without the bytes: a replayed
/// order's contact is in `order_contacts` and nowhere else.
fn replay_rows(waiting: &[ParkedRow], verdict: &Verdict, lane: &str, now_ms: u64) -> Rows {
    let mut rows = Rows::default();
    let lane: Arc<str> = lane.into();
    for parked in waiting.iter().filter(|row| verdict.places.contains(&row.place)) {
        match replay_one(&mut rows, parked, &verdict.known) {
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
                tracing::error!(place = parked.place, "a parked order cannot be read");
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

fn replay_one(rows: &mut Rows, parked: &ParkedRow, known: &Known) -> Option<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(&parked.payload).ok()?;
    let event = decode_event(Bytes::from(bytes)).ok()?;
    let prospect_id = prospect_of(&event)?;
    rows.store_order(&event, prospect_id, *known.get(&prospect_id)?);
    Some(event.time_ms)
}
