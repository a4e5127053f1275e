//! Orders that are deleted, or whose customer is erased, while they wait for their prospect.
//!
//! The owner of one partition may replay such an order while the owner of another one applies the
//! change. As in the table of `docs/exactly-once.md` (*A prospect is edited while its orders
//! come*), each side first writes what it will do, and then looks for what the other side has
//! written, so that at least one sees the other:
//!
//! | | replays orders (`replayer.rs`) | ends waiting orders (this file) |
//! |---|---|---|
//! | writes | its verdict | the order's new state in `parked_log` |
//! | looks | at the states of its orders | at the verdicts of replays |
//! | and then | leaves deleted orders out | waits for an open replay, and changes stored orders |
//!
//! The new state has the bytes without the customer, even if the order is deleted: a replay that
//! was begun before can still be repeated.
//!
//! A replay can also move an order from one state to another, when an Owner ignores it or lets it
//! wait again. A replay that was under way may thus write the order's bytes once more. So this side
//! looks again after it has waited, until there is nothing left to end.

use std::collections::{BTreeMap, BTreeSet};

use sluice_schemas::rows::ParkedRow;
use uuid::Uuid;

use crate::batch::Batch;
use crate::changes::open_batches::wait_for_replay;
use crate::changes::seen::End;
use crate::context::PartitionContext;
use crate::erased::erased_payload;
use crate::insert::Inserter;
use crate::retry::Stop;
use crate::sql::{Value, array, id_literal};
use crate::store::{Store, StoreError};

/// Ends those of these orders that wait. After it each is either stored, or will never be stored in
/// another form.
pub(super) async fn end_waiting(
    context: &PartitionContext,
    inserter: &Inserter,
    batch: &Batch,
    ends: &BTreeMap<Uuid, End>,
) -> Result<(), Stop> {
    let (store, ids) = (&context.shared.store, ends.keys().copied().collect());
    let mut n_looks = 0;
    loop {
        let parked = context.ask_clickhouse(|| store.parked_orders(&ids)).await?;
        let now_ms = context.now_ms();
        let ended = |row: &ParkedRow| ended(row, *ends.get(&row.event_id)?, now_ms);
        let ended: Vec<ParkedRow> = parked.iter().filter_map(ended).collect();
        if parked.is_empty() {
            return Ok(());
        }
        if ended.is_empty() && n_looks > 0 {
            return context.ask_clickhouse(|| store.forget_earlier(&ids)).await;
        }
        // The first look has the tokens that it had before there were others.
        let batch = if n_looks == 0 { batch.clone() } else { batch.part(&format!("look {n_looks}")) };
        inserter.insert_rows(&batch, &ended).await?;
        for partition in parked.iter().map(|row| row.partition).collect::<BTreeSet<_>>() {
            wait_for_replay(context, partition).await?;
        }
        n_looks += 1;
    }
}

/// The new state of an order that waits or that an Owner ignores. `None` if it was replayed, or has
/// this state already.
fn ended(row: &ParkedRow, end: End, now_ms: i64) -> Option<ParkedRow> {
    let is_ignored = row.state == "ignored" && row.decision != 0;
    if row.state != "waiting" && !is_ignored {
        return None;
    }
    let payload = erased_payload(row);
    let left = ParkedRow {
        last_tried: now_ms,
        payload: payload.clone().unwrap_or_default(),
        version: row.version + 1,
        ..row.clone()
    };
    // An unreadable order would wait for ever, with its customer in its bytes.
    if end == End::Delete || payload.is_none() {
        // Nobody can let it wait again.
        return Some(ParkedRow { state: "ignored".to_owned(), decision: 0, note: String::new(), ..left });
    }
    (left.payload != row.payload).then_some(left)
}

impl Store {
    /// The newest states of parked orders, by the orders' ids.
    pub async fn parked_orders(&self, ids: &BTreeSet<Uuid>) -> Result<Vec<ParkedRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT ?fields FROM parked_log FINAL WHERE kind = 'order' AND event_id IN ({}) ORDER BY event_id, place",
            id_list(ids)
        );
        Ok(self.client().query(&sql).fetch_all().await?)
    }

    /// Removes all states of parked orders but the newest: the earlier ones have their customers'
    /// data.
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
