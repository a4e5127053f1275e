//! Orders that are deleted, or whose customer is erased, while they wait for their prospect.
//!
//! Two may write of such an order: who replays it, and who applies its changes. Each first writes what it means to do (the
//! replay its verdict, the change the order's new state in `parked_log`), and only then looks what the other wrote: so at least
//! one of them sees the other. A replay leaves out what it finds deleted; a change waits until a replay that is under
//! way has ended, and then finds its order stored and changes it like any other.
//!
//! The new state has the bytes without the customer, deleted or not: a replay that was begun before can still be repeated.

use std::collections::{BTreeMap, BTreeSet};

use sluice_schemas::rows::ParkedRow;
use uuid::Uuid;

use crate::changes::literal::{Value, array, id_literal};
use crate::erased::erased_payload;
use crate::insert::Batch;
use crate::partition::{Partition, Revoked};
use crate::store::{Store, StoreError};

impl Partition {
    /// Deletes (true) or erases orders as far as they wait. After this each is either stored, or never will be otherwise.
    pub(super) async fn end_waiting(
        &self,
        batch: &Batch,
        ends: &BTreeMap<Uuid, bool>,
    ) -> Result<(), Revoked> {
        let (store, ids) = (&self.shared.store, ends.keys().copied().collect());
        let parked = self.insist("clickhouse", || store.parked_orders(&ids)).await?;
        let now_ms = i64::try_from(self.shared.clock.now_ms()).unwrap_or_default();
        let ended = |row: &ParkedRow| end(row, ends.get(&row.event_id).copied()?, now_ms);
        let ended: Vec<ParkedRow> = parked.iter().filter_map(ended).collect();
        self.insert_rows(batch, &ended).await?;
        for partition in parked.iter().map(|row| row.partition).collect::<BTreeSet<_>>() {
            self.outlast_replay(partition).await?;
        }
        if parked.is_empty() {
            return Ok(());
        }
        self.insist("clickhouse", || store.forget_earlier(&ids)).await
    }
}

/// The state that ends a waiting order or its customer; `None` where that was done, or where it does not wait any more.
fn end(row: &ParkedRow, is_deleted: bool, now_ms: i64) -> Option<ParkedRow> {
    if row.state != "waiting" {
        return None;
    }
    let payload = erased_payload(row);
    // What cannot be read would wait for ever, with what it holds.
    let state = if is_deleted || payload.is_none() { "ignored" } else { "waiting" };
    let ended = ParkedRow {
        state: state.to_owned(),
        last_tried: now_ms,
        payload: payload.unwrap_or_default(),
        version: row.version + 1,
        ..row.clone()
    };
    (ended.state != row.state || ended.payload != row.payload).then_some(ended)
}

impl Store {
    /// The newest states of parked orders, by the orders' ids.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn parked_orders(&self, ids: &BTreeSet<Uuid>) -> Result<Vec<ParkedRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT ?fields FROM parked_log FINAL WHERE kind = 'order' AND event_id IN ({}) ORDER BY event_id, place",
            id_list(ids)
        );
        self.client().query(&sql).fetch_all().await
    }

    /// Removes all states of parked orders but the newest: the earlier ones have their customers' data.
    async fn forget_earlier(&self, ids: &BTreeSet<Uuid>) -> Result<(), StoreError> {
        let newest = self.parked_orders(ids).await?;
        let places = array(newest.iter().map(|row| Value::Text(row.place.clone()).literal()));
        let versions = array(newest.iter().map(|row| row.version.to_string()));
        self.mutate(&format!(
            "ALTER TABLE parked_log DELETE WHERE event_id IN ({}) AND has({places}, place) \
             AND version < {versions}[indexOf({places}, place)]",
            id_list(ids)
        ))
        .await
    }
}

fn id_list(ids: &BTreeSet<Uuid>) -> String {
    ids.iter().map(|id| id_literal(*id)).collect::<Vec<_>>().join(", ")
}
