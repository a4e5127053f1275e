//! The topics in Kafka. The operator chooses their partitions and retention (`deploy/`).

/// Chunks of events from the edges. The record key is the lane.
pub const EVENTS: &str = "sluice.events";
/// Edits, deletions, status changes and postbacks from the API. The record key is the prospect id.
pub const CHANGES: &str = "sluice.changes";
