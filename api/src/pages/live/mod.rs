//! `/live/`: the last events as they come. The page lists the newest events that are stored, and a
//! stream of server-sent events goes on from there, from the feed of the consumer
//! ([why](../../../../docs/adr/0012-a-sample-for-the-live-page.md)).

mod filter;
pub mod page;
mod row;
pub mod stream;

/// The most rows of the page.
const MAX_ROWS: usize = 100;
