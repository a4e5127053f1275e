//! Gathers a partition's records into batches.
//!
//! Invariant: a batch that was planned is closed by its range alone, any other by its size or its
//! age.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::assignment::Inbox;
use crate::config::BatchConfig;
use crate::decode::Record;
use crate::lease::{Lease, Revoked};
use crate::topic::Topic;

/// Somebody waits for a change: its batch is closed soon.
const CHANGES_LINGER: Duration = Duration::from_millis(20);
/// A batch of changes is one statement a table, with every id in it.
const MAX_CHANGES: usize = 500;

/// When a batch that was not planned is closed.
#[derive(Debug, Clone, Copy)]
struct Limits {
    max_events: usize,
    /// After the first record.
    linger: Duration,
}

impl Limits {
    fn of(topic: Topic, config: &BatchConfig) -> Self {
        match topic {
            Topic::Events => {
                Self { max_events: config.max_events, linger: Duration::from_millis(config.linger_ms) }
            }
            Topic::Changes => Self { max_events: MAX_CHANGES, linger: CHANGES_LINGER },
        }
    }
}

/// The records of one partition, batch by batch.
pub(crate) struct Collector {
    inbox: Inbox,
    /// A record that came while the batch before it was completed.
    held: Option<Record>,
    limits: Limits,
    lease: Lease,
    draining: CancellationToken,
}

impl Collector {
    pub(crate) fn new(
        topic: Topic,
        config: &BatchConfig,
        inbox: Inbox,
        lease: Lease,
        draining: CancellationToken,
    ) -> Self {
        Self { inbox, held: None, limits: Limits::of(topic, config), lease, draining }
    }

    /// Gathers the records of the next batch from an offset on: up to the planned end if there is
    /// one, else until it is full or old enough. Empty if nothing came until `wake`; `None` when
    /// the service drains.
    pub(crate) async fn collect(
        &mut self,
        begin: i64,
        planned_end: Option<i64>,
        wake: Option<Instant>,
    ) -> Result<Option<Vec<Record>>, Revoked> {
        let lease = self.lease.clone();
        lease.until_revoked(self.gather(begin, planned_end, wake)).await?
    }

    async fn gather(
        &mut self,
        begin: i64,
        planned_end: Option<i64>,
        wake: Option<Instant>,
    ) -> Result<Option<Vec<Record>>, Revoked> {
        let mut records: Vec<Record> = Vec::new();
        let mut n_events = 0;
        let mut deadline = None;
        loop {
            if planned_end.is_none() && n_events >= self.limits.max_events {
                return Ok(Some(records));
            }
            // A planned range is closed by its records alone, however long they take.
            let wake = if planned_end.is_some() { None } else { deadline.or(wake) };
            let record = tokio::select! {
                biased;
                () = self.draining.cancelled() => return Ok(None),
                record = next_record(&mut self.held, &mut self.inbox) => record.ok_or(Revoked)?,
                () = sleep_until(wake) => return Ok(Some(records)),
            };
            if record.offset < records.last().map_or(begin, |last| last.offset + 1) {
                continue;
            }
            if planned_end.is_some_and(|end| record.offset >= end) {
                // Kafka has no more of the planned range.
                self.held = Some(record);
                return Ok(Some(records));
            }
            let next = record.offset + 1;
            n_events += record.header.as_ref().map_or(1, |header| header.count as usize);
            deadline.get_or_insert_with(|| Instant::now() + self.limits.linger);
            records.push(record);
            if planned_end.is_some_and(|end| next >= end) {
                return Ok(Some(records));
            }
        }
    }
}

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
