//! The doubt protocol: inserts the rows of a batch once, whatever happens to an insert.
//!
//! A token does not prove that its rows are there. ClickHouse may write the token and then fail to
//! put the part into place: from then on it answers a repetition with OK and stores nothing. Or it
//! may put the part into place and lose the token, or forget it. Only the rows are proof.
//!
//! So an insert that ClickHouse answered at the first try is done, and any other is *in doubt*. In
//! doubt the consumer waits for a try that is still under way, looks for the rows, and inserts the
//! missing ones. It always begins with the first token, which makes ClickHouse ignore the rows of a
//! late try. Only when ClickHouse has answered OK and the rows are still missing does it take the
//! next token. From then on, nothing can be written under the one before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sluice_runtime::ops::Readiness;
use sluice_schemas::rows::{LaneRow, VerdictRow};

use crate::batch::Batch;
use crate::context::PartitionContext;
use crate::decode::Lanes;
use crate::retry::{Backoff, Part, Stop};
use crate::rows::Rows;
use crate::store::StoreError;
use crate::stored::{Stored, Sums, TablePart, add_markers, parts};

/// From this many spent tokens of one part on, `/readyz` and the log say that something else is
/// wrong.
const MANY_TOKENS: u32 = 20;

/// The token of one part; the next one when it is spent.
struct Token {
    base: String,
    number: u32,
}

impl Token {
    fn text(&self) -> String {
        match self.number {
            0 => self.base.clone(),
            number => format!("{}#{number}", self.base),
        }
    }
}

/// Keeps `/readyz` not ready while inserts into a table fail.
struct Trouble<'a> {
    readiness: &'a Readiness,
    part: &'static str,
    is_reported: bool,
    backoff: Backoff,
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        if self.is_reported {
            self.readiness.ready(self.part);
        }
    }
}

impl<'a> Trouble<'a> {
    const fn new(readiness: &'a Readiness, part: &'static str) -> Self {
        Self { readiness, part, is_reported: false, backoff: Backoff::new() }
    }

    /// Reports a reason and returns the pause until the next try.
    fn report(&mut self, reason: &str) -> Duration {
        self.readiness.not_ready(self.part, reason);
        self.is_reported = true;
        self.backoff.next_pause()
    }
}

/// Inserts the rows of one partition's batches.
pub(crate) struct Inserter {
    context: Arc<PartitionContext>,
}

impl Inserter {
    pub(crate) const fn new(context: Arc<PartitionContext>) -> Self {
        Self { context }
    }

    /// Inserts the rows of events and then their lanes' ordinals.
    pub(crate) async fn insert_events(&self, batch: &Batch, rows: &Rows, moved: &Lanes) -> Result<(), Stop> {
        // Each table on its own: one that has its rows is not asked again because another one
        // fails.
        futures::try_join!(
            self.insert_rows(batch, &rows.prospects),
            self.insert_rows(batch, &rows.index),
            self.insert_rows(batch, &rows.contacts),
            self.insert_sums(batch, rows.rollup.values().copied().collect()),
            self.insert_sums(batch, rows.outcome_rows().collect()),
        )?;
        // After their contacts: an erasure that finds an order finds its contact, too.
        self.insert_rows(batch, &rows.orders).await?;
        // After the others: a repeated replay reads its events from here, and ends them here.
        self.insert_rows(batch, &rows.parked).await?;
        self.insert_rows(batch, &self.lane_rows(moved)).await
    }

    /// The next ordinals of lanes.
    fn lane_rows(&self, lanes: &Lanes) -> Vec<LaneRow> {
        let (partition, updated) = (self.context.partition(), self.context.now_ms());
        let lanes: BTreeMap<_, _> = lanes.iter().collect();
        let row = |(lane, next_seq): (&String, &u64)| LaneRow {
            lane: lane.clone(),
            partition,
            next_seq: *next_seq,
            updated,
        };
        lanes.into_iter().map(row).collect()
    }

    /// Inserts the rows of a batch into their table, each once. Returns when they are there.
    pub(crate) async fn insert_rows<R: Stored>(&self, batch: &Batch, rows: &[R]) -> Result<(), Stop> {
        for part in parts(rows) {
            self.insert_part(batch, &part).await?;
        }
        Ok(())
    }

    /// Inserts sums of a batch, each once.
    pub(crate) async fn insert_sums<R: Sums>(&self, batch: &Batch, mut rows: Vec<R>) -> Result<(), Stop> {
        let shared = &self.context.shared;
        if !batch.has_markers {
            // The older version has inserted them under this token, or nobody has.
            let token = format!("{}/{}", batch.name, R::TABLE.name);
            let rows: Vec<&R> = rows.iter().collect();
            if rows.is_empty() {
                return Ok(());
            }
            return self.context.ask_clickhouse(|| shared.store.insert(&token, &rows)).await;
        }
        let now_s = u32::try_from(shared.clock.now_ms() / 1000).unwrap_or(u32::MAX);
        add_markers(&mut rows, batch.id(), now_s);
        self.insert_rows(batch, &rows).await
    }

    /// Writes the verdict of a batch unless it has one, and returns the one that stands.
    pub(crate) async fn store_verdict<T>(&self, batch: &Batch, verdict: &T) -> Result<T, Stop>
    where
        T: Serialize + DeserializeOwned,
    {
        let body = serde_json::to_string(verdict).expect("ids, numbers and texts are JSON");
        self.insert_rows(batch, &[VerdictRow { batch: batch.name.clone(), body }]).await?;
        let store = &self.context.shared.store;
        self.context
            .ask_clickhouse(|| async {
                let stands = store.verdict(&batch.name).await?;
                stands.ok_or_else(|| StoreError::VerdictMissing(batch.name.clone()))
            })
            .await
    }

    async fn insert_part<R: Stored>(&self, batch: &Batch, part: &TablePart<'_, R>) -> Result<(), Stop> {
        let (context, table) = (&self.context, R::TABLE);
        let base = format!("{}/{}/{}", batch.name, table.name, part.month);
        let mut token = Token { base, number: 0 };
        let mut trouble = Trouble::new(&context.shared.readiness, table.readiness);
        let session = context.committer.offsets.session;
        let (mut is_in_doubt, mut is_answered) = (batch.is_in_doubt(session), false);
        let mut rows = part.rows.clone();
        loop {
            if is_in_doubt {
                rows = self.missing(&token, part).await?;
                if !rows.is_empty() && is_answered {
                    // A second look costs little; a part inserted twice would be worse.
                    context.sleep(Backoff::FIRST).await?;
                    rows = self.missing(&token, part).await?;
                }
                if rows.is_empty() {
                    return Ok(());
                }
                if std::mem::take(&mut is_answered) {
                    self.spend(&mut token, &mut trouble).await?;
                }
            }
            let text = token.text();
            let insert = context.shared.store.insert(&text, &rows);
            match context.committer.lease.until_revoked(insert).await? {
                Ok(()) if !is_in_doubt && !batch.is_in_doubt(session) => return Ok(()),
                Ok(()) => (is_in_doubt, is_answered) = (true, true),
                Err(error) => {
                    context.check_retriable(Part::ClickHouse, &error)?;
                    context.shared.metrics.retries.inc();
                    is_in_doubt = true;
                    let pause = trouble.report(&error.to_string());
                    tracing::warn!(table = table.name, %error, pause_ms = pause.as_millis(), "insert failed");
                    context.sleep(pause).await?;
                }
            }
        }
    }

    /// Goes on to the next token. No rows can be written with the previous one any more.
    async fn spend(&self, token: &mut Token, trouble: &mut Trouble<'_>) -> Result<(), Stop> {
        let context = &self.context;
        // Another owner may have finished the batch, and rows of it may have been deleted since.
        context.retry_until_revoked(Part::Kafka, || context.committer.confirm()).await?;
        context.shared.metrics.lost_inserts.inc();
        token.number += 1;
        let (base, n_spent) = (&token.base, token.number);
        tracing::warn!(token = base, n_spent, "answered OK, but the rows are not there");
        if n_spent >= MANY_TOKENS {
            let reason = format!("{n_spent} inserts of {base} were answered OK, but the rows are not there");
            tracing::error!("{reason}");
            trouble.report(&reason);
        }
        Ok(context.sleep((Backoff::FIRST * n_spent).min(Backoff::LAST)).await?)
    }

    /// The rows of a part that are not there, once no insert of them is under way.
    async fn missing<'a, R: Stored>(
        &self,
        token: &Token,
        part: &TablePart<'a, R>,
    ) -> Result<Vec<&'a R>, Stop> {
        let (store, text) = (&self.context.shared.store, token.text());
        self.context.shared.metrics.doubtful_inserts.inc();
        while self.context.ask_clickhouse(|| store.is_inserting(&text)).await? {
            self.context.sleep(Backoff::FIRST).await?;
        }
        let missing = self.context.ask_clickhouse(|| store.missing(&part.rows)).await?;
        debug_assert!(missing.len() <= part.rows.len(), "more rows are missing than the part has");
        Ok(missing)
    }
}
