//! The metrics of the edge. Each serving thread writes its own counters, without a locked
//! instruction. They are summed when `/metrics` is read. Labels have values from enums.
//!
//! `docs/metrics.md` is generated from the names and help texts here. A help text says what is
//! counted; its last sentence, if it begins with "Worry", says when to act.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sluice_schemas::outcome::Rejection;

use crate::forwarder::ForwarderCounters;
use crate::journal::Journal;

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Prospect,
    Order,
}

impl EventKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Prospect, Self::Order];

    /// Returns the value of the label `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prospect => "prospect",
            Self::Order => "order",
        }
    }
}

/// The counters of one serving thread.
#[derive(Debug, Default)]
pub struct LaneCounters {
    requests: AtomicU64,
    accepted: [AtomicU64; EventKind::ALL.len()],
    rejected: [[AtomicU64; Rejection::ALL.len()]; EventKind::ALL.len()],
    opened: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
}

/// Increments a counter. Only the thread that owns the counter may call this.
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

impl LaneCounters {
    /// Counts a request that was read.
    pub fn request(&self) {
        bump(&self.requests);
    }

    /// Counts an event that was written to the journal.
    pub fn accepted(&self, kind: EventKind) {
        bump(&self.accepted[kind as usize]);
    }

    /// Counts an event that was rejected.
    pub fn rejected(&self, kind: EventKind, reason: Rejection) {
        bump(&self.rejected[kind as usize][reason as usize]);
    }

    /// Counts a connection that was opened.
    pub fn opened(&self) {
        bump(&self.opened);
    }

    /// Counts a connection that ended.
    pub fn closed(&self) {
        bump(&self.closed);
    }

    /// Counts a connection that was closed because there were too many.
    pub fn refused(&self) {
        bump(&self.refused);
    }
}

/// Registers all metrics of the edge.
pub fn register(
    registry: &mut Registry,
    lanes: Vec<Arc<LaneCounters>>,
    journal: Arc<Journal>,
    forwarder: Arc<ForwarderCounters>,
) {
    registry.register(
        "sluice_edge_journal_sync_seconds",
        "Time to sync the journal of a lane to disk. Worry if it nears a second: orders wait for it",
        journal.sync_seconds(),
    );
    registry.register_collector(Box::new(EdgeCollector { lanes, journal, forwarder }));
}

struct EdgeCollector {
    lanes: Vec<Arc<LaneCounters>>,
    journal: Arc<Journal>,
    forwarder: Arc<ForwarderCounters>,
}

impl fmt::Debug for EdgeCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EdgeCollector")
    }
}

impl EdgeCollector {
    fn sum(&self, counter: impl Fn(&LaneCounters) -> &AtomicU64) -> u64 {
        self.lanes.iter().map(|lane| counter(lane).load(Ordering::Relaxed)).sum()
    }

    fn encode_events(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = encoder.encode_descriptor(
            "sluice_edge_events_accepted",
            "Events accepted: written to the journal",
            None,
            MetricType::Counter,
        )?;
        for kind in EventKind::ALL {
            let labels = [("kind", kind.as_str())];
            let count = self.sum(|lane| &lane.accepted[kind as usize]);
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        let mut family = encoder.encode_descriptor(
            "sluice_edge_events_rejected",
            "Events rejected, by reason (docs/outcomes.md). Worry if `journal_full` or `journal_failed` \
             grows: events of visitors are lost",
            None,
            MetricType::Counter,
        )?;
        for kind in EventKind::ALL {
            for reason in Rejection::ALL {
                let labels = [("kind", kind.as_str()), ("reason", reason.as_str())];
                let count = self.sum(|lane| &lane.rejected[kind as usize][reason as usize]);
                ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn encode_counters(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counters = [
            (
                "sluice_edge_requests",
                "HTTP requests read on the public ports",
                self.sum(|lane| &lane.requests),
            ),
            (
                "sluice_edge_connections_opened",
                "Connections accepted on the public ports",
                self.sum(|lane| &lane.opened),
            ),
            (
                "sluice_edge_connections_refused",
                "Connections closed at once because there were `edge.max_connections`. Worry if it grows",
                self.sum(|lane| &lane.refused),
            ),
            (
                "sluice_edge_journal_written_bytes",
                "Bytes of records written to the journal",
                self.journal.lanes().iter().map(|lane| lane.written_bytes()).sum(),
            ),
            ("sluice_edge_chunks_produced", "Chunks that Kafka acknowledged", self.forwarder.chunks()),
            ("sluice_edge_events_produced", "Events that Kafka acknowledged", self.forwarder.events()),
            (
                "sluice_edge_delivery_errors",
                "Errors of the Kafka producer; it is started again after each. Worry if it keeps growing",
                self.forwarder.errors(),
            ),
            (
                "sluice_edge_journal_damaged",
                "Places in the journal that cannot be read. Worry if it is not 0: events there are lost",
                self.forwarder.damaged(),
            ),
        ];
        for (name, help, count) in counters {
            let counter = ConstCounter::new(count);
            counter.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }

    fn encode_gauges(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        // Closed ones first, so that the difference is never below zero.
        let closed = self.sum(|lane| &lane.closed);
        let connections = self.sum(|lane| &lane.opened).saturating_sub(closed);
        let gauges = [
            ("sluice_edge_connections", "Connections open now", connections as f64),
            (
                "sluice_edge_journal_bytes",
                "Disk space that the journal takes, up to `journal.max_bytes`",
                self.journal.budget().used_bytes() as f64,
            ),
            (
                "sluice_edge_journal_minutes_left",
                "Minutes until the journal is full if Kafka acknowledges nothing and events come at the \
                 present rate; at most a million, and 0 while the journal refuses events. Worry if it is under the time that you need to act",
                self.journal.minutes_left(),
            ),
            (
                "sluice_edge_waiting_events",
                "Events in the journal that Kafka has not acknowledged. Worry if it keeps growing",
                self.forwarder.waiting(&self.journal) as f64,
            ),
            (
                "sluice_edge_waiting_age_seconds",
                "Age of the oldest event that Kafka has not acknowledged; 0 if there is none. Worry if it \
                 stays above a minute",
                self.forwarder.oldest_age_seconds(),
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        Ok(())
    }
}

impl Collector for EdgeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.encode_events(&mut encoder)?;
        self.encode_counters(&mut encoder)?;
        self.encode_gauges(&mut encoder)
    }
}
