//! A batch of events, step by step: plan → verdict → rows → ordinals → end. Every step can be repeated.

use std::collections::{BTreeMap, BTreeSet};

use sluice_schemas::rows::LaneRow;
use tokio::time::Instant;
use uuid::Uuid;

use crate::commit::Plan;
use crate::decode::{Lanes, Placed, Record, decode_records};
use crate::directory::Directory;
use crate::insert::Batch;
use crate::metrics::OutcomeLabels;
use crate::partition::{Partition, Revoked};
use crate::rows::{Means, Rows, own_prospects, wanted_prospects};
use crate::store::Verdict;

/// When the first record of a batch was made.
pub(crate) fn began_ms(plan: Option<Plan>, records: &[Record]) -> i64 {
    let of_first = || records.first().map_or(0, |record| record.timestamp_ms);
    plan.and_then(|plan| plan.began_ms).unwrap_or_else(of_first)
}

impl Partition {
    /// Takes a batch of events through the protocol; `plan` is there for one that is computed again.
    pub(crate) async fn store_events(
        &mut self,
        begin: i64,
        end: i64,
        plan: Option<Plan>,
        records: &[Record],
    ) -> Result<(), Revoked> {
        let started = Instant::now();
        let began_ms = began_ms(plan, records);
        let batch = self.batch(begin, end, began_ms, plan);
        let run = decode_records(&self.source, records, &self.lanes);

        let directory = self.plan(begin, end, began_ms, plan).await?;
        let verdict = self.verdict(&batch, &run.events, &directory).await?;
        let mut rows = Rows::default();
        let means = Means {
            partition: self.committer.partition,
            known: &verdict.known,
            directory: &directory,
            enricher: &self.shared.enricher,
        };
        for placed in &run.events {
            rows.add(placed, &means);
        }
        self.insert(&batch, &rows, &run.moved).await?;
        self.end(end).await?;

        self.shared.metrics.repeated.inc_by(run.n_repeated);
        self.shared.metrics.missing.inc_by(run.n_missing);
        self.lanes.extend(run.moved);
        self.waiting.note(&rows, directory.version);
        self.observe(&rows, started);
        Ok(())
    }

    /// Which prospects the batch's orders find: its own by looking at it, the others by asking, once and for all.
    async fn verdict(
        &self,
        batch: &Batch,
        events: &[Placed],
        directory: &Directory,
    ) -> Result<Verdict, Revoked> {
        let wanted = wanted_prospects(events);
        let own = own_prospects(events, &wanted, directory, &self.shared.enricher);
        let foreign: BTreeSet<_> = wanted.into_iter().filter(|id| !own.contains_key(id)).collect();
        let mut verdict =
            if foreign.is_empty() { Verdict::default() } else { self.settle_known(batch, &foreign).await? };
        verdict.known.extend(own);
        Ok(verdict)
    }

    async fn settle_known(&self, batch: &Batch, foreign: &BTreeSet<Uuid>) -> Result<Verdict, Revoked> {
        let store = &self.shared.store;
        if batch.is_repeated
            && let Some(verdict) = self.insist("clickhouse", || store.verdict(&batch.name)).await?
        {
            return Ok(verdict);
        }
        let known = self.insist("clickhouse", || store.find_prospects(foreign)).await?;
        self.settle_verdict(batch, &batch.name, &Verdict { known, ..Verdict::default() }).await
    }

    /// Inserts a batch's rows and then its ordinals.
    pub(crate) async fn insert(&self, batch: &Batch, rows: &Rows, moved: &Lanes) -> Result<(), Revoked> {
        // Each table for itself: one that has its rows is not asked again because another one fails.
        futures::try_join!(
            self.insert_rows(batch, &rows.prospects),
            self.insert_rows(batch, &rows.index),
            self.insert_rows(batch, &rows.contacts),
            self.insert_sums(batch, rows.rollup.values().copied().collect()),
            self.insert_sums(batch, rows.outcome_rows().collect()),
        )?;
        // After their contacts: what an order's erasure looks for is there once the order is.
        self.insert_rows(batch, &rows.orders).await?;
        // After the others: a replay reads its events from here when it is repeated, and ends their state here.
        self.insert_rows(batch, &rows.parked).await?;
        self.insert_rows(batch, &self.lane_rows(moved)).await
    }

    /// The ordinals that are expected of lanes from now on.
    fn lane_rows(&self, lanes: &Lanes) -> Vec<LaneRow> {
        let partition = self.committer.partition;
        let updated = i64::try_from(self.shared.clock.now_ms()).unwrap_or_default();
        let lanes: BTreeMap<_, _> = lanes.iter().collect();
        let row = |(lane, next_seq): (&String, &u64)| LaneRow {
            lane: lane.clone(),
            partition,
            next_seq: *next_seq,
            updated,
        };
        lanes.into_iter().map(row).collect()
    }

    pub(crate) fn observe(&self, rows: &Rows, started: Instant) {
        let metrics = &self.shared.metrics;
        metrics.batches.inc();
        metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
        for ((_, _, outcome, reason), count) in &rows.outcomes {
            metrics.events.get_or_create(&OutcomeLabels { outcome, reason }).inc_by(*count);
        }
        if let Some(newest) = rows.prospects.iter().map(|row| row.time).max() {
            let age_ms = i64::try_from(self.shared.clock.now_ms()).unwrap_or_default() - newest;
            #[expect(clippy::cast_precision_loss, reason = "an age, not a count")]
            metrics.freshness_seconds.set(age_ms as f64 / 1000.0);
        }
    }
}
