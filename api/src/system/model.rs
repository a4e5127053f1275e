//! The response about the state of the system.

use serde::Serialize;
use utoipa::ToSchema;

/// All parts of the system.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SystemResponse {
    /// When the parts were asked.
    pub checked_at: String,
    pub parts: Vec<PartResponse>,
}

/// A part of the system.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PartResponse {
    pub part: PartKind,
    /// Its number among the parts of this kind, from 1, in the order of the configuration.
    pub number: u32,
    pub state: PartState,
    /// When it was first seen in this state.
    pub since: Option<String>,
    /// When it was started.
    pub started_at: Option<String>,
    pub version: Option<String>,
    /// The reasons why it is not ready.
    pub reasons: Vec<String>,
    /// The journal of an edge.
    pub journal: Option<JournalResponse>,
    /// Partitions of Kafka, with what the consumers have not stored yet.
    pub partitions: Vec<PartitionResponse>,
    /// Bytes that a database takes.
    pub size_bytes: Option<i64>,
    /// Disks of a database, if it can say it.
    pub disks: Vec<DiskResponse>,
    pub data_sets: Vec<DataSetResponse>,
}

/// A kind of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    Edge,
    Kafka,
    Consumer,
    Clickhouse,
    Postgres,
    Api,
}

/// The state of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    Ready,
    NotReady,
    Draining,
    /// It did not answer within a second, or with an error.
    NotAnswering,
    /// The configuration of the API has no address for it.
    NotConfigured,
}

/// The journal of an edge.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JournalResponse {
    /// Minutes until it is full if Kafka accepts nothing and events come at the present rate; at
    /// most a million.
    pub minutes_left: f64,
    pub used_bytes: f64,
    /// Events that Kafka has not acknowledged.
    pub waiting_events: f64,
    /// Age of the oldest of them.
    pub waiting_seconds: f64,
    /// Places that cannot be read. The events there are lost.
    pub damaged_places: f64,
}

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartitionResponse {
    pub topic: String,
    pub partition: i32,
    /// The offset of the next record that comes.
    pub end: i64,
    /// Records that are not stored yet. A record of events has many of them.
    pub lag: i64,
}

/// A disk of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DiskResponse {
    pub name: String,
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// A set of data that a service was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DataSetResponse {
    pub name: &'static str,
    /// `null` if it is a part of the program and has its age.
    pub version: Option<String>,
    pub made_at: Option<String>,
}

impl PartKind {
    /// Returns the word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Kafka => "kafka",
            Self::Consumer => "consumer",
            Self::Clickhouse => "clickhouse",
            Self::Postgres => "postgres",
            Self::Api => "api",
        }
    }
}

impl PartState {
    /// Returns the word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not_ready",
            Self::Draining => "draining",
            Self::NotAnswering => "not_answering",
            Self::NotConfigured => "not_configured",
        }
    }
}

impl PartResponse {
    /// Returns a part of which only the state is known.
    #[must_use]
    pub const fn new(part: PartKind, number: u32, state: PartState) -> Self {
        Self {
            part,
            number,
            state,
            since: None,
            started_at: None,
            version: None,
            reasons: Vec::new(),
            journal: None,
            partitions: Vec::new(),
            size_bytes: None,
            disks: Vec::new(),
            data_sets: Vec::new(),
        }
    }
}
