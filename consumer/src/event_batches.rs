//! Batches of events, step by step: plan → verdict → rows → ordinals → end. Every step can be
//! repeated.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use crate::batch::{Batch, BatchRange};
use crate::context::PartitionContext;
use crate::decode::{Lanes, LocatedEvent, Record, decode_records};
use crate::directory::Directory;
use crate::enrich::Enricher;
use crate::insert::Inserter;
use crate::planner::Planner;
use crate::retry::Stop;
use crate::room::RoomKeeper;
use crate::rows::{RowContext, Rows, own_prospects, wanted_prospects};
use crate::store::Verdict;

/// Stores the batches of one partition of events.
pub(crate) struct EventBatches {
    context: Arc<PartitionContext>,
    inserter: Inserter,
    /// The next ordinal of each lane. Moves only when a batch has ended.
    lanes: Lanes,
    room: RoomKeeper,
}

/// A batch that is stored.
pub(crate) struct StoredBatch {
    pub(crate) rows: Rows,
    pub(crate) directory_version: i64,
}

impl EventBatches {
    /// Goes on from the stored ordinals.
    pub(crate) fn new(context: Arc<PartitionContext>, lanes: Lanes) -> Self {
        let inserter = Inserter::new(Arc::clone(&context));
        Self { context, inserter, lanes, room: RoomKeeper::default() }
    }

    /// Takes a batch through the protocol.
    pub(crate) async fn store(
        &mut self,
        planner: &Planner,
        range: &BatchRange,
        records: &[Record],
    ) -> Result<StoredBatch, Stop> {
        let started = Instant::now();
        let (batch, directory) = planner.begin(range, records).await?;
        let run = decode_records(&self.context.name, records, &self.lanes);
        let shared = &self.context.shared;
        let enricher = shared.classifier.current();
        let verdict = self.verdict(&batch, &run.events, &directory, &enricher).await?;
        let mut rows = Rows::default();
        let row_context = RowContext {
            partition: self.context.partition(),
            known: &verdict.known,
            directory: &directory,
            enricher: &enricher,
        };
        for event in &run.events {
            rows.add(event, &row_context);
        }
        rows.assert_conserved(run.events.len());
        for gap in &run.gaps {
            rows.count_missing(gap);
        }
        if !rows.parked.is_empty() {
            let room = self.room.settle(&self.context, &self.inserter, &batch).await?;
            rows.drop_beyond(room);
            self.room.note(&rows);
        }
        self.inserter.insert_events(&batch, &rows, &run.moved).await?;
        planner.end(range).await?;

        shared.metrics.repeated.inc_by(run.n_repeated);
        shared.metrics.missing.inc_by(run.n_missing);
        self.lanes.extend(run.moved);
        shared.metrics.observe_batch(&rows, started.elapsed(), self.context.now_ms());
        shared.live.show(&rows);
        Ok(StoredBatch { rows, directory_version: directory.version })
    }

    /// The prospects that the batch's orders name, as far as they are known: its own from the
    /// events, the others from ClickHouse, as the verdict has them.
    async fn verdict(
        &self,
        batch: &Batch,
        events: &[LocatedEvent],
        directory: &Directory,
        enricher: &Enricher,
    ) -> Result<Verdict, Stop> {
        let wanted = wanted_prospects(events);
        let own = own_prospects(events, &wanted, directory, enricher);
        let foreign: BTreeSet<_> = wanted.into_iter().filter(|id| !own.contains_key(id)).collect();
        let mut verdict =
            if foreign.is_empty() { Verdict::default() } else { self.foreign(batch, &foreign).await? };
        verdict.known.extend(own);
        Ok(verdict)
    }

    async fn foreign(&self, batch: &Batch, foreign: &BTreeSet<Uuid>) -> Result<Verdict, Stop> {
        let store = &self.context.shared.store;
        if batch.is_repeated
            && let Some(verdict) = self.context.ask_clickhouse(|| store.verdict(&batch.name)).await?
        {
            return Ok(verdict);
        }
        let known = self.context.ask_clickhouse(|| store.find_prospects(foreign)).await?;
        self.inserter.store_verdict(batch, &Verdict { known, ..Verdict::default() }).await
    }
}
