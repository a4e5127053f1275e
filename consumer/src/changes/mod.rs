//! Batches of `sluice.changes`, by the same protocol as batches of events: plan → waiting orders
//! and open batches → verdict (the rows before the changes) → mutations, rows and differences of
//! sums → end. Every step can be repeated: mutations name the versions that they change, inserts
//! have tokens. [`mod@fold`] computes what is written, and `store` writes it.

pub mod effects;
mod entity;
pub mod fold;
mod open_batches;
mod origin_edits;
pub mod seen;
mod store;
mod waiting;

use std::sync::Arc;

use sluice_schemas::change::{Change, ChangeError, read_change};
use tokio::time::Instant;

use crate::batch::{Batch, BatchRange};
use crate::changes::effects::{Effects, RowChange};
use crate::changes::fold::fold;
use crate::changes::origin_edits::{announce_edits, wait_for_second_visits};
use crate::changes::seen::{RowsToRead, Seen};
use crate::changes::waiting::end_waiting;
use crate::context::PartitionContext;
use crate::decode::Record;
use crate::insert::Inserter;
use crate::planner::Planner;
use crate::retry::Stop;

/// The columns of `prospects` that the index has, too.
const INDEXED: [&str; 3] = ["user_id", "team_id", "campaign_id"];

/// Applies the changes of one partition.
pub(crate) struct ChangeApplier {
    context: Arc<PartitionContext>,
    inserter: Inserter,
}

/// A change that only a later version of this program can apply.
pub(crate) struct NewerChange {
    pub(crate) offset: i64,
    pub(crate) error: ChangeError,
}

impl ChangeApplier {
    pub(crate) fn new(context: Arc<PartitionContext>) -> Self {
        Self { inserter: Inserter::new(Arc::clone(&context)), context }
    }

    /// Takes a batch through the protocol.
    pub(crate) async fn apply(
        &self,
        planner: &Planner,
        range: &BatchRange,
        records: &[Record],
    ) -> Result<(), Stop> {
        let started = Instant::now();
        let changes = read(records);
        let (batch, directory) = planner.begin(range, records).await?;
        let seen = self.settle_seen(&batch, &changes).await?;
        let effects = fold(&changes, &seen, &directory, &self.context.shared.classifier.current());
        self.write(&batch, &effects).await?;
        planner.end(range).await?;

        let metrics = &self.context.shared.metrics;
        for row in &effects.changes {
            metrics.changed(&row.outcome);
        }
        metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// The rows that the changes refer to, as the verdict has them. They are read once, after the
    /// waiting orders have ended and the open batches are stored.
    async fn settle_seen(&self, batch: &Batch, changes: &[Change]) -> Result<Seen, Stop> {
        let (context, inserter, wanted) = (&self.context, &self.inserter, RowsToRead::of(changes));
        let store = &context.shared.store;
        if batch.is_repeated
            && let Some(seen) = context.ask_clickhouse(|| store.verdict(&batch.name)).await?
        {
            return Ok(seen);
        }
        end_waiting(context, inserter, batch, &wanted.ends).await?;
        announce_edits(context, inserter, batch, &wanted).await?;
        let mut seen = context.ask_clickhouse(|| store.see(&wanted)).await?;
        wait_for_second_visits(context, &seen, &wanted).await?;
        seen.orders = context.ask_clickhouse(|| store.see_orders(&wanted)).await?;
        inserter.store_verdict(batch, &seen).await
    }

    async fn write(&self, batch: &Batch, effects: &Effects) -> Result<(), Stop> {
        let (context, inserter, store) = (&self.context, &self.inserter, &self.context.shared.store);
        let index: Vec<RowChange> = effects.prospects.iter().map(indexed).collect();
        // Inserts the new contact before it deletes the old one, so that a reader always finds one.
        // The order's version moves on after both, so that an edit based on the old contact is
        // refused.
        inserter.insert_rows(batch, &effects.contacts).await?;
        context.ask_clickhouse(|| store.delete_contacts(&effects.contacts_gone)).await?;
        for (table, id, rows) in [
            ("orders", "order_id", &effects.orders),
            ("prospect_index", "prospect_id", &index),
            ("prospects", "prospect_id", &effects.prospects),
        ] {
            context.ask_clickhouse(|| store.change_rows(table, id, rows)).await?;
        }
        inserter.insert_rows(batch, &effects.statuses).await?;
        inserter.insert_sums(batch, effects.rollup.values().copied().collect()).await?;
        // Last: a change that is in this table is applied everywhere.
        inserter.insert_rows(batch, &effects.changes).await
    }
}

/// Leaves only the records before the first change of a later version, and returns that one. Leaves
/// nothing of a planned batch: a part of it would have another token.
pub(crate) fn cut_before_newer(records: &mut Vec<Record>, is_planned: bool) -> Option<NewerChange> {
    let newer = |record: &Record| match read_change(record.schema.as_deref(), &record.value) {
        Err(error @ ChangeError::Newer(_)) => Some(NewerChange { offset: record.offset, error }),
        _ => None,
    };
    let (index, newer) =
        records.iter().enumerate().find_map(|(index, record)| Some((index, newer(record)?)))?;
    records.truncate(if is_planned { 0 } else { index });
    Some(newer)
}

/// The changes of records among which none is of a later version. Unreadable ones are left out.
fn read(records: &[Record]) -> Vec<Change> {
    let read = records.iter().filter_map(|record| {
        read_change(record.schema.as_deref(), &record.value)
            .inspect_err(|error| tracing::error!(offset = record.offset, %error, "left a change out"))
            .ok()
    });
    read.collect()
}

/// The same change of the index, which has only the owner of the prospect. Its version moves along.
fn indexed(row: &RowChange) -> RowChange {
    let set = row.set.as_ref().map(|set| {
        let owner = set.iter().filter(|(column, _)| INDEXED.contains(column));
        owner.map(|(column, value)| (*column, value.clone())).collect()
    });
    RowChange { set, ..row.clone() }
}
