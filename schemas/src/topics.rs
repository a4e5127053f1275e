//! The topics in Kafka. The operator chooses their partitions and retention (`deploy/`).

/// Chunks of events from the edges. The record key is the lane.
pub const EVENTS: &str = "sluice.events";
/// Edits, deletions, status changes and postbacks from the API. The record key is the prospect id.
pub const CHANGES: &str = "sluice.changes";
/// A sample of the events that were just stored, for `/live/`. It has one partition, and is kept
/// for minutes.
pub const LIVE: &str = "sluice.live";
