//! Gathers a partition's records into batches.
//!
//! Invariant: a batch that was planned is closed by its range alone, any other by its size or its age.

use std::sync::atomic::Ordering;

use tokio::time::Instant;

use crate::commit::Plan;
use crate::decode::Record;
use crate::partition::{Inbox, Partition, Revoked};

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

async fn next_record(held: &mut Option<Record>, inbox: &mut Inbox) -> Option<Record> {
    if let Some(record) = held.take() {
        return Some(record);
    }
    let record = inbox.records.recv().await?;
    inbox.buffered_bytes.fetch_sub(record.value.len(), Ordering::Relaxed);
    Some(record)
}

impl Partition {
    /// Gathers the records of the next batch: up to the planned end if there is one, else until it is full or old enough.
    /// Empty when it is time to look at waiting events; `None` when the service drains.
    pub(crate) async fn collect(
        &mut self,
        begin: i64,
        plan: Option<Plan>,
    ) -> Result<Option<Vec<Record>>, Revoked> {
        let planned_end = plan.map(|plan| plan.end);
        let mut records = Vec::new();
        let mut n_events = 0;
        let mut deadline = None;
        loop {
            if planned_end.is_none() && n_events >= self.kind.max_events(&self.shared.config) {
                return Ok(Some(records));
            }
            // A planned range is closed by its records alone, however long they take.
            let wake = match (planned_end, deadline) {
                (Some(_), _) => None,
                (None, Some(deadline)) => Some(deadline),
                (None, None) => self.waiting.any().then_some(self.next_replay),
            };
            tokio::select! {
                biased;
                () = self.committer.revoked.cancelled() => return Err(Revoked),
                () = self.shared.draining.cancelled() => return Ok(None),
                record = next_record(&mut self.held, &mut self.inbox) => {
                    let Some(record) = record else { return Err(Revoked) };
                    if record.offset < records.last().map_or(begin, |last: &Record| last.offset + 1) {
                        continue;
                    }
                    if planned_end.is_some_and(|end| record.offset >= end) {
                        // Kafka has no more of the planned range.
                        self.held = Some(record);
                        return Ok(Some(records));
                    }
                    let offset = record.offset;
                    n_events += record.header.as_ref().map_or(1, |header| header.count as usize);
                    let linger = self.kind.linger(&self.shared.config);
                    deadline.get_or_insert_with(|| Instant::now() + linger);
                    records.push(record);
                    if planned_end.is_some_and(|end| offset + 1 >= end) {
                        return Ok(Some(records));
                    }
                }
                () = sleep_until(wake) => return Ok(Some(records)),
            }
        }
    }
}
