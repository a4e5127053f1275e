//! The metrics of the consumer. Label values come from enums and topics,
//! except the numbers of partitions.
//!
//! `docs/metrics.md` is generated from the names and help texts here. A help text says what is
//! counted; its last sentence, if it begins with "Worry", says when to act.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use sluice_schemas::change::{APPLIED, MISSING, REFUSED};
use sluice_schemas::outcome::{Outcome, ParkReason};

use crate::rows::Rows;

/// Labels of an event's end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OutcomeLabels {
    pub outcome: &'static str,
    /// Empty unless the event is parked, or dropped instead.
    pub reason: &'static str,
}

/// Labels of a change's end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChangeLabels {
    pub outcome: &'static str,
}

/// Labels of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PartitionLabels {
    /// `events` or `changes`.
    pub topic: &'static str,
    pub partition: i32,
}

/// Handles of all metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub events: Family<OutcomeLabels, Counter>,
    pub repeated: Counter,
    pub missing: Counter,
    pub batches: Counter,
    pub batch_seconds: Histogram,
    pub retries: Counter,
    pub doubtful_inserts: Counter,
    pub lost_inserts: Counter,
    pub changes: Family<ChangeLabels, Counter>,
    pub stale_directory: Counter,
    pub stopped: Family<PartitionLabels, Gauge>,
    pub lag: Family<PartitionLabels, Gauge>,
    pub freshness_seconds: Gauge<f64, AtomicU64>,
    pub data: DataMetrics,
    pub live: LiveMetrics,
}

/// Metrics of the data that visitors are classified by.
#[derive(Debug, Clone)]
pub struct DataMetrics {
    pub countries_built: Gauge,
    pub agents_built: Gauge,
    pub crawlers_built: Gauge,
    pub refused: Counter,
}

/// Metrics of the feed of `/live/`.
#[derive(Debug, Clone)]
pub struct LiveMetrics {
    pub events: Counter,
    pub failures: Counter,
}

impl DataMetrics {
    fn register(part: &mut Registry) -> Self {
        Self {
            countries_built: add(
                part,
                "countries_built_seconds",
                "Unix time at which the database of countries was built; 0 without one. Worry if it is \
                 months ago: addresses have moved since",
            ),
            agents_built: add(
                part,
                "agents_built_seconds",
                "Unix time at which the rules for browsers and systems were made. Worry if it is a year \
                 ago: new browsers have no name",
            ),
            crawlers_built: add(
                part,
                "crawlers_built_seconds",
                "Unix time at which the list of crawlers was made. Worry if it is a year ago: new crawlers \
                 count as people, or have no name",
            ),
            refused: add(
                part,
                "refused_data_files",
                "Changed data files (countries, user agents, crawlers) that could not be used; the last \
                 ones stay in use. Worry if it grows: the log says why",
            ),
        }
    }
}

impl LiveMetrics {
    fn register(part: &mut Registry) -> Self {
        Self {
            events: add(
                part,
                "live_events",
                "Stored events that were sent to `/live/`. At a high rate it is a part of them",
            ),
            failures: add(
                part,
                "live_failures",
                "Batches whose events could not be sent to `/live/`; their events are stored all the same. \
                 Worry if it keeps growing: the topic `kafka.live_topic` may be missing",
            ),
        }
    }
}

impl Metrics {
    /// Creates the metrics, registers them, and starts every series whose labels are known at 0.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let part = registry.sub_registry_with_prefix("sluice_consumer");
        let metrics = Self {
            events: add(
                part,
                "events",
                "Events by how they ended: stored in the reports, parked, dropped because too many are \
                 parked, and of the parked ones replayed or expired. Worry if the parked ones grow \
                 faster than usual, or if any are dropped",
            ),
            repeated: add(
                part,
                "repeated_events",
                "Events that came again and were left out. Some are normal after a restart",
            ),
            missing: add(
                part,
                "missing_events",
                "Events that a lane numbered and that never came: they were lost before Kafka. \
                 Worry if it is not 0",
            ),
            batches: add(part, "batches", "Batches stored"),
            batch_seconds: add_batch_seconds(part),
            retries: add(
                part,
                "retries",
                "Requests to ClickHouse, Kafka or Postgres that failed and were repeated. Worry if it \
                 keeps growing",
            ),
            doubtful_inserts: add(
                part,
                "doubtful_inserts",
                "Inserts that may have been written before, so that ClickHouse was asked for their \
                 rows. Some are normal after a restart",
            ),
            lost_inserts: add(
                part,
                "lost_inserts",
                "Inserts that ClickHouse confirmed without storing the rows; they were inserted again. \
                 Worry if it grows without a crash of ClickHouse",
            ),
            changes: add(
                part,
                "changes",
                "Edits and deletions by how they ended: applied, without an event to change \
                 (`missing`), or refused",
            ),
            stale_directory: add(
                part,
                "stale_directory_batches",
                "Batches whose owners were resolved with an older directory, because Postgres could not \
                 be reached. Worry if it grows for minutes: new campaigns are unknown",
            ),
            stopped: add(
                part,
                "stopped_partitions",
                "1 for a partition that stands still because of an error that no retry can mend, else \
                 0. Worry if it is 1: `/readyz` and the log say why",
            ),
            lag: add(
                part,
                "lag_records",
                "Records of a partition that were not read yet. Worry if it grows for minutes",
            ),
            freshness_seconds: add(
                part,
                "freshness_seconds",
                "Age of the newest prospect of the last batch when the batch was stored. Worry if it \
                 stays above a minute: the reports are late",
            ),
            data: DataMetrics::register(part),
            live: LiveMetrics::register(part),
        };
        metrics.start_series();
        metrics
    }

    fn start_series(&self) {
        let without_reason =
            [Outcome::Stored, Outcome::Replayed, Outcome::Expired].map(|outcome| (outcome, ""));
        let of_each = |outcome| ParkReason::ALL.map(|reason| (outcome, reason.as_str()));
        let (parked, dropped) = (of_each(Outcome::Parked), of_each(Outcome::Dropped));
        // Bytes that cannot be read are never dropped.
        let dropped = dropped.into_iter().filter(|(_, reason)| *reason != ParkReason::Unreadable.as_str());
        for (outcome, reason) in without_reason.into_iter().chain(parked).chain(dropped) {
            drop(self.events.get_or_create(&OutcomeLabels { outcome: outcome.as_str(), reason }));
        }
        for outcome in [APPLIED, MISSING, REFUSED] {
            drop(self.changes.get_or_create(&ChangeLabels { outcome }));
        }
    }

    /// Notes a batch or a replay that is stored, at a time (Unix milliseconds).
    pub(crate) fn observe_batch(&self, rows: &Rows, took: Duration, now_ms: i64) {
        self.batches.inc();
        self.batch_seconds.observe(took.as_secs_f64());
        for ((_, _, outcome, reason), count) in &rows.outcomes {
            self.events.get_or_create(&OutcomeLabels { outcome, reason }).inc_by(*count);
        }
        if let Some(newest) = rows.prospects.iter().map(|row| row.time).max() {
            #[expect(clippy::cast_precision_loss, reason = "an age, not a count")]
            self.freshness_seconds.set((now_ms - newest) as f64 / 1000.0);
        }
    }

    /// Counts a change by its outcome.
    pub fn changed(&self, outcome: &str) {
        let outcome =
            [APPLIED, MISSING, REFUSED].into_iter().find(|known| *known == outcome).unwrap_or(REFUSED);
        self.changes.get_or_create(&ChangeLabels { outcome }).inc();
    }
}

fn add<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

fn add_batch_seconds(registry: &mut Registry) -> Histogram {
    let batch_seconds = Histogram::new(exponential_buckets(0.01, 2.0, 14));
    registry.register(
        "batch_seconds",
        "Time from the first chunk of a batch to its commit. Worry if most batches take several \
         seconds: ClickHouse is slow",
        batch_seconds.clone(),
    );
    batch_seconds
}
