//! Edits of what orders take from their prospect, while its orders are on their way in.
//!
//! Two may write of such an order: who stores it with what its prospect was, and who edits the prospect and the orders that it
//! has. Each first writes what it means to do (a batch of events its plan, a replay its verdict, a batch of changes its rows in
//! `origin_edits`), and only then looks what the other wrote: so at least one of them sees the other. An order whose prospect
//! is being edited waits like one whose prospect is unknown; an edit waits until the batches and replays that were under way
//! have ended, and then finds their orders.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use sluice_schemas::rows::OriginEditRow;
use uuid::Uuid;

use crate::changes::seen::{Seen, Wanted};
use crate::commit::Place;
use crate::insert::Batch;
use crate::partition::{Partition, Revoked};
use crate::replayer::lane_of;
use crate::store::{Store, StoreError, Verdict};

/// A batch takes some hundred milliseconds, a replay less.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(clickhouse::Row, Deserialize)]
struct Edited {
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
}

impl Partition {
    /// Announces which prospects are about to be edited, and waits for the batches and replays that are under way. After this
    /// each order that took something from one of the prospects is stored, and no other one is before the edits are done.
    ///
    /// Before rows go it waits, too: a batch that is repeated must not find them missing and insert them again.
    pub(super) async fn announce_edits(&self, batch: &Batch, wanted: &Wanted) -> Result<(), Revoked> {
        let edits = wanted.origin_edits.iter();
        let edits: Vec<_> = edits
            .map(|(change_id, prospect_id)| OriginEditRow {
                prospect_id: *prospect_id,
                change_id: *change_id,
            })
            .collect();
        if edits.is_empty() && !wanted.do_rows_go {
            return Ok(());
        }
        self.insert_rows(batch, &edits).await?;
        self.outlast_all().await
    }

    /// Waits, where a second visit of an edited or deleted prospect was found, until the batch or replay that brought it has
    /// ended. An order in that batch has what its visit was, without looking for an edit; found with the visit, it is edited with it.
    pub(super) async fn outlast_twins(&self, seen: &Seen, wanted: &Wanted) -> Result<(), Revoked> {
        let edited: BTreeSet<&Uuid> = match wanted.do_rows_go {
            true => wanted.prospects.iter().collect(),
            false => wanted.origin_edits.values().collect(),
        };
        let ids = seen.prospects.iter().map(|prospect| &prospect.prospect_id);
        let mut visits = BTreeSet::new();
        if ids.filter(|id| edited.contains(id)).all(|id| visits.insert(id)) {
            return Ok(());
        }
        self.outlast_all().await
    }

    /// Waits until the batches of events and the replays that are under way have ended.
    async fn outlast_all(&self) -> Result<(), Revoked> {
        let places = self.insist("kafka", || self.shared.events.read_all()).await?;
        for partition in places.keys() {
            self.outlast_replay(*partition).await?;
        }
        self.outlast_batches(places).await
    }

    /// Waits until the batches of events that were planned at these places have ended, and all those
    /// of which the plan may have been lost.
    async fn outlast_batches(&self, mut places: BTreeMap<i32, Place>) -> Result<(), Revoked> {
        let events = &self.shared.events;
        places.retain(|_, place| place.plan.is_some() || place.is_doubted());
        while !places.is_empty() {
            self.pause(LOOK_EVERY).await?;
            let now = self.insist("kafka", || events.read_all()).await?;
            places.retain(|partition, place| {
                now.get(partition).is_none_or(|now| now == place || now.is_doubted())
            });
        }
        Ok(())
    }

    /// Waits until the replay of a partition that is under way, if there is one, has ended.
    pub(super) async fn outlast_replay(&self, partition: i32) -> Result<(), Revoked> {
        let (store, lane) =
            (&self.shared.store, lane_of(&format!("{}/{partition}", self.shared.events.topic)));
        let number = self.insist("clickhouse", || store.next_ordinal(&lane)).await?;
        let verdict = format!("{lane}/{number}");
        if self.insist("clickhouse", || store.verdict::<Verdict>(&verdict)).await?.is_none() {
            return Ok(());
        }
        while self.insist("clickhouse", || store.next_ordinal(&lane)).await? == number {
            self.pause(LOOK_EVERY).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Which of these prospects (a thousand at most) are being edited. To be asked before what they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn being_edited(&self, ids: &[u128]) -> Result<BTreeSet<Uuid>, StoreError> {
        let sql = "WITH edits AS (SELECT prospect_id, change_id FROM origin_edits \
                                  WHERE toUInt128(prospect_id) IN (SELECT arrayJoin({ids:Array(UInt128)}))) \
                   SELECT DISTINCT prospect_id FROM edits WHERE change_id NOT IN ( \
                       SELECT change_id FROM changes WHERE toUInt128(change_id) IN (SELECT toUInt128(change_id) FROM edits))";
        let found = self.client().query(sql).param("ids", ids).fetch_all::<Edited>().await?;
        Ok(found.into_iter().map(|row| row.prospect_id).collect())
    }
}
