//! Kafka's topics. Their partitions and retention are the operator's choice (`deploy/`).

/// Chunks of events from the edges; record key = lane.
pub const EVENTS: &str = "sluice.events";
/// Edits, deletions, status changes and postbacks from the API; record key = prospect id.
pub const CHANGES: &str = "sluice.changes";
