//! The consumer's figures. One field a metric; labels only from enums, partitions and tables.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use sluice_schemas::change::{APPLIED, MISSING, REFUSED};

/// Where an event ended, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    pub outcome: &'static str,
    pub reason: &'static str,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChangeLabels {
    pub outcome: &'static str,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PartitionLabels {
    /// `events` or `changes`.
    pub topic: &'static str,
    pub partition: i32,
}

/// All of the consumer's metrics; handles are cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Events by where they ended.
    pub events: Family<OutcomeLabels, Counter>,
    /// Events that came again and were left out.
    pub repeated: Counter,
    /// Ordinals that never came: loss.
    pub missing: Counter,
    /// Batches stored.
    pub batches: Counter,
    /// From the first chunk of a batch to its commit.
    pub batch_seconds: Histogram,
    /// Times that something outside had to be asked again.
    pub retries: Counter,
    /// Inserts after which ClickHouse was asked which rows are there.
    pub doubtful_inserts: Counter,
    /// Inserts that were answered OK and left no rows.
    pub lost_inserts: Counter,
    /// Changes by what became of them.
    pub changes: Family<ChangeLabels, Counter>,
    /// Batches resolved with an older directory, since Postgres was down.
    pub stale_directory: Counter,
    /// 1 for a partition that waits before a change of a later version.
    pub stopped: Family<PartitionLabels, Gauge>,
    /// Records between what was read and the end of the partition.
    pub lag: Family<PartitionLabels, Gauge>,
    /// Age of the newest stored event when its batch was stored.
    pub freshness_seconds: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Makes the metrics and names them in the registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            events: Family::default(),
            repeated: Counter::default(),
            missing: Counter::default(),
            batches: Counter::default(),
            batch_seconds: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            retries: Counter::default(),
            doubtful_inserts: Counter::default(),
            lost_inserts: Counter::default(),
            changes: Family::default(),
            stale_directory: Counter::default(),
            stopped: Family::default(),
            lag: Family::default(),
            freshness_seconds: Gauge::default(),
        };
        let part = registry.sub_registry_with_prefix("sluice_consumer");
        part.register("events", "Events by where they ended", metrics.events.clone());
        part.register(
            "repeated_events",
            "Events that came again and were left out",
            metrics.repeated.clone(),
        );
        part.register(
            "missing_events",
            "Ordinals that never came: events lost before Kafka",
            metrics.missing.clone(),
        );
        part.register("batches", "Batches stored", metrics.batches.clone());
        part.register("batch_seconds", "First chunk of a batch to its commit", metrics.batch_seconds.clone());
        part.register("retries", "Times something outside had to be asked again", metrics.retries.clone());
        part.register(
            "doubtful_inserts",
            "Inserts that may have been done before: ClickHouse was asked which rows are there",
            metrics.doubtful_inserts.clone(),
        );
        part.register(
            "lost_inserts",
            "Inserts that ClickHouse answered OK without storing the rows; they were inserted again",
            metrics.lost_inserts.clone(),
        );
        part.register("changes", "Edits and deletions by what became of them", metrics.changes.clone());
        part.register(
            "stale_directory_batches",
            "Batches resolved with the last directory that was seen, since Postgres was down",
            metrics.stale_directory.clone(),
        );
        part.register(
            "stopped_partitions",
            "Partitions that wait for a later version of this program",
            metrics.stopped.clone(),
        );
        part.register("lag_records", "Records not read yet", metrics.lag.clone());
        part.register(
            "freshness_seconds",
            "Age of the newest event when it was stored",
            metrics.freshness_seconds.clone(),
        );
        metrics
    }

    /// Counts a change by its outcome.
    pub fn changed(&self, outcome: &str) {
        let outcome =
            [APPLIED, MISSING, REFUSED].into_iter().find(|known| *known == outcome).unwrap_or(REFUSED);
        self.changes.get_or_create(&ChangeLabels { outcome }).inc();
    }
}
