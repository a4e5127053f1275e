//! The response of the loss audit.

use serde::Serialize;
use utoipa::ToSchema;

/// The loss audit of a range, and of all lanes from their beginning.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PipelineResponse {
    /// The length of `rows`: up to three hours are cut into minutes, up to two days into hours.
    pub interval: AuditInterval,
    /// The intervals of the range that have begun, newest first, at most a thousand.
    pub rows: Vec<AuditRowResponse>,
    /// The sums of `rows`.
    pub total: AuditCountsResponse,
    /// Lanes that do not balance, then the others, those with the latest events first. At most a
    /// hundred.
    pub lanes: Vec<LaneResponse>,
}

/// The length of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditInterval {
    Minute,
    Hour,
    Day,
}

/// The events whose time, as the edge gave it, is in an interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditRowResponse {
    pub from: String,
    pub state: AuditState,
    /// Lanes with missing events.
    pub lanes: Vec<String>,
    #[serde(flatten)]
    pub counts: AuditCountsResponse,
}

/// `numbered` = `stored` + `parked` + `dropped` + `missing`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditCountsResponse {
    /// Events that edges numbered.
    pub numbered: u64,
    pub stored: u64,
    pub parked: u64,
    /// Not kept, because too many were parked.
    pub dropped: u64,
    /// Numbered by an edge, and never read from Kafka.
    pub missing: u64,
    /// Parked events that were stored later.
    pub replayed: u64,
    /// Parked events that waited too long.
    pub expired: u64,
}

/// Whether an interval or a lane balances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditState {
    Balanced,
    /// Events of it may still be on their way.
    Settling,
    Gap,
}

/// A lane from its beginning: the ordered stream of one thread of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LaneResponse {
    /// The edge's id and the number of its thread.
    pub lane: String,
    pub state: AuditState,
    /// Events that the edge numbered, up to the last one that was stored.
    pub numbered: u64,
    pub stored: u64,
    pub parked: u64,
    pub dropped: u64,
    /// `numbered` − `stored` − `parked` − `dropped`.
    pub difference: i64,
    /// When events of it were stored last.
    pub updated_at: String,
}

impl AuditCountsResponse {
    /// Adds other counts.
    pub const fn add(&mut self, other: &Self) {
        self.numbered += other.numbered;
        self.stored += other.stored;
        self.parked += other.parked;
        self.dropped += other.dropped;
        self.missing += other.missing;
        self.replayed += other.replayed;
        self.expired += other.expired;
    }
}
