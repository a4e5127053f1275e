//! Parked events: events that name something unknown, and the decisions about them.
//!
//! A decision is a row in Postgres that the consumer reads in the log of the directory. The API
//! counts, asks for the count to be confirmed, and writes the decision with its line in the audit
//! trail. The consumer's replays do the rest (`docs/adr/0010`).

pub mod contents;
pub mod counts;
pub mod decide;
pub mod decisions;
pub mod detail;
pub mod ignore;
pub mod list;
pub mod mend;
pub mod model;
pub mod progress;
pub mod rules;
pub mod wait_again;
