//! The surroundings of one assigned partition: the services that all partitions share, its lease
//! and its committed offset; and retries that end with the lease.

use std::future::Future;
use std::time::Duration;

use sluice_runtime::clock::Clock;
use sluice_runtime::ops::Readiness;
use tokio_util::sync::CancellationToken;

use crate::commit::{Committer, Offsets};
use crate::config::BatchConfig;
use crate::directory::keeper::Keeper;
use crate::enrich::classifier::Classifier;
use crate::lease::Revoked;
use crate::live_feed::LiveFeed;
use crate::metrics::Metrics;
use crate::retry::{Backoff, Part, Retriable, Stop};
use crate::store::Store;

/// The services that all partitions share. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub directory: Keeper,
    pub classifier: Classifier,
    pub metrics: Metrics,
    /// The committed offsets of the events, also for partitions of changes.
    pub events: Offsets,
    pub config: BatchConfig,
    pub clock: Clock,
    pub readiness: Readiness,
    pub live: LiveFeed,
    pub draining: CancellationToken,
}

/// One assigned partition, as its parts see it.
pub(crate) struct PartitionContext {
    pub(crate) shared: Shared,
    pub(crate) committer: Committer,
    /// `topic/partition`: begins every token.
    pub(crate) name: String,
}

impl PartitionContext {
    pub(crate) fn new(shared: Shared, committer: Committer) -> Self {
        let name = format!("{}/{}", committer.offsets.topic, committer.partition);
        Self { shared, committer, name }
    }

    /// The number of the partition in its topic.
    pub(crate) fn partition(&self) -> i32 {
        self.committer.partition
    }

    /// Unix time in milliseconds, as columns have it.
    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from(self.shared.clock.now_ms()).unwrap_or_default()
    }

    /// Waits, unless the partition is taken away.
    pub(crate) async fn sleep(&self, pause: Duration) -> Result<(), Revoked> {
        self.committer.lease.until_revoked(tokio::time::sleep(pause)).await
    }

    /// Tries until it works, with growing pauses.
    ///
    /// # Errors
    /// If the partition is taken away, or the error is permanent.
    pub(crate) async fn retry_until_revoked<T, E, F, W>(&self, part: Part, mut work: W) -> Result<T, Stop>
    where
        E: Retriable,
        F: Future<Output = Result<T, E>>,
        W: FnMut() -> F,
    {
        let mut backoff = Backoff::new();
        loop {
            let error = match self.committer.lease.until_revoked(work()).await? {
                Ok(value) => {
                    self.shared.readiness.ready(part.as_str());
                    return Ok(value);
                }
                Err(error) => error,
            };
            self.check_retriable(part, &error)?;
            let pause = backoff.next_pause();
            self.shared.metrics.retries.inc();
            tracing::warn!(
                part = part.as_str(),
                %error,
                pause_ms = pause.as_millis(),
                "failed; trying again"
            );
            self.shared.readiness.not_ready(part.as_str(), error.to_string());
            self.sleep(pause).await?;
        }
    }

    /// Asks ClickHouse until it answers.
    pub(crate) async fn ask_clickhouse<T, E, F, W>(&self, work: W) -> Result<T, Stop>
    where
        E: Retriable,
        F: Future<Output = Result<T, E>>,
        W: FnMut() -> F,
    {
        self.retry_until_revoked(Part::ClickHouse, work).await
    }

    /// Fails if another try would be in vain.
    pub(crate) fn check_retriable(&self, part: Part, error: &impl Retriable) -> Result<(), Stop> {
        // After a revocation an answer says nothing about the data.
        if self.committer.lease.is_revoked() {
            return Err(Revoked.into());
        }
        if error.is_retriable() { Ok(()) } else { Err(Stop::Permanent { part, error: error.to_string() }) }
    }
}
