//! A batch of `sluice.changes`, by the same protocol as a batch of events: plan → what waits, or is on its way in → verdict (what
//! was there before) →
//! mutations, rows and differences of sums → end. Every step can be repeated: mutations name the versions that they change,
//! inserts have tokens ([`mod@fold`] says what is written, `store` how).

mod entity;
pub mod fold;
pub mod literal;
mod origin_edits;
pub mod seen;
mod store;
mod waiting;

use sluice_schemas::change::{Change, ChangeError, read_change};
use tokio::time::Instant;

use crate::event_batches::began_ms;
use crate::changes::fold::{Effects, RowChange, fold};
use crate::changes::seen::{Seen, Wanted};
use crate::commit::Plan;
use crate::decode::Record;
use crate::insert::Batch;
use crate::partition::{Partition, Revoked};

/// The columns of `prospects` that the index has, too.
const INDEXED: [&str; 3] = ["user_id", "team_id", "campaign_id"];

impl Partition {
    /// Takes a batch of changes through the protocol; `plan` is there for one that is computed again.
    pub(crate) async fn store_changes(
        &mut self,
        begin: i64,
        end: i64,
        plan: Option<Plan>,
        records: &[Record],
    ) -> Result<(), Revoked> {
        let started = Instant::now();
        let began_ms = began_ms(plan, records);
        let batch = self.batch(begin, end, began_ms, plan);
        let changes = read(records);

        let directory = self.plan(begin, end, began_ms, plan).await?;
        let seen = self.settle_seen(&batch, &changes).await?;
        let effects = fold(&changes, &seen, &directory, &self.shared.enricher);
        self.write(&batch, &effects).await?;
        self.end(end).await?;

        for row in &effects.changes {
            self.shared.metrics.changed(&row.outcome);
        }
        self.shared.metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// What the changes find: asked once, and once and for all, after what waits has ended or come in.
    async fn settle_seen(&self, batch: &Batch, changes: &[Change]) -> Result<Seen, Revoked> {
        let (store, wanted) = (&self.shared.store, Wanted::of(changes));
        if batch.is_repeated
            && let Some(seen) = self.insist("clickhouse", || store.verdict(&batch.name)).await?
        {
            return Ok(seen);
        }
        self.end_waiting(batch, &wanted.ends).await?;
        self.announce_edits(batch, &wanted).await?;
        let mut seen = self.insist("clickhouse", || store.see(&wanted)).await?;
        self.outlast_twins(&seen, &wanted).await?;
        seen.orders = self.insist("clickhouse", || store.see_orders(&wanted)).await?;
        self.settle_verdict(batch, &batch.name, &seen).await
    }

    async fn write(&self, batch: &Batch, effects: &Effects) -> Result<(), Revoked> {
        let store = &self.shared.store;
        let index: Vec<RowChange> = effects.prospects.iter().map(indexed).collect();
        // The new contact before the old one goes, and both before the order's version moves on: who completes a contact
        // from an order's reading finds one, and is refused when it was an older one.
        self.insert_rows(batch, &effects.contacts).await?;
        self.insist("clickhouse", || store.delete_contacts(&effects.contacts_gone)).await?;
        self.insist("clickhouse", || store.change_rows("orders", "order_id", &effects.orders)).await?;
        self.insist("clickhouse", || store.change_rows("prospect_index", "prospect_id", &index)).await?;
        self.insist("clickhouse", || store.change_rows("prospects", "prospect_id", &effects.prospects))
            .await?;
        self.insert_rows(batch, &effects.statuses).await?;
        self.insert_sums(batch, effects.rollup.values().copied().collect()).await?;
        // Last: who finds a change here finds it everywhere.
        self.insert_rows(batch, &effects.changes).await
    }
}

/// The first of these records that is a change of a later version, and which.
pub(crate) fn first_newer(records: &[Record]) -> Option<(usize, ChangeError)> {
    let mut read = records.iter().map(|record| read_change(record.schema.as_deref(), &record.value));
    let index = read.position(|read| matches!(read, Err(ChangeError::Newer(_))))?;
    let error = read_change(records[index].schema.as_deref(), &records[index].value).err()?;
    Some((index, error))
}

/// The changes of records among which there is none of a later version.
fn read(records: &[Record]) -> Vec<Change> {
    let read = records.iter().filter_map(|record| {
        read_change(record.schema.as_deref(), &record.value)
            .inspect_err(|error| tracing::error!(offset = record.offset, %error, "left out"))
            .ok()
    });
    read.collect()
}

/// The same change of the index, which has only whose the prospect is. Its version moves along.
fn indexed(row: &RowChange) -> RowChange {
    let set = row.set.as_ref().map(|set| {
        let own = set.iter().filter(|(column, _)| INDEXED.contains(column));
        own.map(|(column, value)| (*column, value.clone())).collect()
    });
    RowChange { set, ..row.clone() }
}
