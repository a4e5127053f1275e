//! A batch of events, step by step: plan → verdict → rows → ordinals → end. Every step can be repeated.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::commit::Plan;
use crate::decode::{Lanes, Placed, Record, decode_records};
use crate::directory::Directory;
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
        let batch = self.batch_name(begin, end, began_ms);
        let run = decode_records(&self.source, records, &self.lanes);

        let directory = self.plan(begin, end, began_ms, plan).await?;
        let verdict = self.verdict(&batch, plan.is_some(), &run.events, &directory).await?;
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
        batch: &str,
        repeated: bool,
        events: &[Placed],
        directory: &Directory,
    ) -> Result<Verdict, Revoked> {
        let wanted = wanted_prospects(events);
        let own = own_prospects(events, &wanted, directory, &self.shared.enricher);
        let foreign: BTreeSet<_> = wanted.into_iter().filter(|id| !own.contains_key(id)).collect();
        let mut verdict = if foreign.is_empty() {
            Verdict::default()
        } else {
            let store = &self.shared.store;
            self.insist("clickhouse", || async {
                if repeated && let Some(verdict) = store.verdict(batch).await? {
                    return Ok(verdict);
                }
                let known = store.find_prospects(&foreign).await?;
                store.settle_verdict(batch, Verdict { known, ..Verdict::default() }).await
            })
            .await?
        };
        verdict.known.extend(own);
        Ok(verdict)
    }

    /// Inserts a batch's rows and then its ordinals.
    pub(crate) async fn insert(&mut self, batch: &str, rows: &Rows, moved: &Lanes) -> Result<(), Revoked> {
        let store = &self.shared.store;
        let outcomes: Vec<_> = rows.outcome_rows().collect();
        // Each table for itself: what has its rows is not asked again because another table fails, so that a token is not
        // used after its table has forgotten it.
        futures::try_join!(
            self.insist("clickhouse", || store.insert("prospects", batch, &rows.prospects)),
            self.insist("clickhouse", || store.insert("prospect_index", batch, &rows.index)),
            self.insist("clickhouse", || store.insert("order_contacts", batch, &rows.contacts)),
            self.insist("clickhouse", || store.insert("rollup_hourly", batch, rows.rollup.values())),
            self.insist("clickhouse", || store.insert("outcomes", batch, &outcomes)),
        )?;
        // After their contacts: what an order's erasure looks for is there once the order is.
        self.insist("clickhouse", || store.insert("orders", batch, &rows.orders)).await?;
        // After the others: a replay reads its events from here when it is repeated, and ends their state here.
        self.insist("clickhouse", || store.insert("parked_log", batch, &rows.parked)).await?;
        let (partition, now_ms) = (self.committer.partition, self.shared.clock.now_ms());
        self.insist("clickhouse", || store.insert_lanes(batch, partition, moved, now_ms)).await?;
        Ok(())
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
