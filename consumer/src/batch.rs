//! A batch of one partition: its range, and its name in tokens and verdicts.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::commit::Plan;
use crate::decode::Record;

/// The offsets of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchRange {
    pub(crate) begin: i64,
    /// Before this offset.
    pub(crate) end: i64,
    /// The plan of a batch that is computed again.
    pub(crate) plan: Option<Plan>,
}

impl BatchRange {
    /// When the first record was made (Unix milliseconds): from the plan if there is one, since
    /// Kafka may have dropped the record.
    pub(crate) fn began_ms(&self, records: &[Record]) -> i64 {
        let of_first = || records.first().map_or(0, |record| record.timestamp_ms);
        self.plan.and_then(|plan| plan.began_ms).unwrap_or_else(of_first)
    }
}

/// A batch on its way into the tables.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Unique for ever. Its tokens and its verdict begin with it.
    pub(crate) name: String,
    /// Whether another owner may have written some of it before.
    pub(crate) is_repeated: bool,
    /// Whether its sums have markers: not in a batch that an older version has begun.
    pub(crate) has_markers: bool,
    begun: Instant,
}

impl Batch {
    pub(crate) fn new(name: String, is_repeated: bool, has_markers: bool) -> Self {
        Self { name, is_repeated, has_markers, begun: Instant::now() }
    }

    /// A part of the batch that has a verdict and tokens of its own.
    pub(crate) fn part(&self, name: &str) -> Self {
        Self { name: format!("{}/{name}", self.name), ..self.clone() }
    }

    /// Whether another owner may write the batch meanwhile, should this consumer have slept.
    pub(crate) fn is_in_doubt(&self, session: Duration) -> bool {
        self.is_repeated || self.begun.elapsed() > session / 2
    }

    /// The id of the batch in the markers of sums.
    pub(crate) fn id(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.name.as_bytes())
    }
}
