//! # The path of an event through the consumer
//!
//! 1. [`subscription`] takes part in the Kafka group and hands every record to the owner of its partition.
//! 2. [`partition`] owns one partition: it has [`collect`] gather records, and takes each [`event_batches`] through the steps below.
//! 3. [`decode`] turns chunks into events, leaves out what the lane has had already, and reports what never came.
//! 4. [`directory`] says what whose it is is looked up in: a snapshot of Postgres, not older than the batch's events.
//! 5. [`commit`] writes the batch's plan as Kafka's committed offset: its range and the directory's version are now fixed,
//!    whatever happens.
//! 6. [`store`] is asked for the prospects that the batch's orders name; the answer is settled as the batch's verdict.
//! 7. [`rows`] makes rows and sums of events, with [`pairs`] (what the URL said), [`enrich`] (what address and user agent
//!    tell) and [`money`] (what an order brings). What cannot be used yet is a row too: a parked one.
//! 8. [`insert`] inserts the rows, and then the lanes' new ordinals; in doubt it looks which of them are there ([`presence`],
//!    by what [`stored`] says of each table).
//! 9. [`commit`] writes the batch's end.
//! 10. [`changes`] is what 5 to 9 are for the topic of edits and deletions.
//! 11. [`replayer`] does the same for parked events that found what they waited for; [`erased`] is what is left of an order that
//!     was erased while it waited.
//!
//! Nothing here is kept in memory that cannot be computed again from Kafka and ClickHouse: a killed consumer loses nothing
//! and counts nothing twice.
#![forbid(unsafe_code)]

pub mod changes;
pub mod collect;
pub mod commit;
pub mod config;
pub mod decode;
pub mod directory;
pub mod enrich;
pub mod erased;
pub mod event_batches;
pub mod insert;
pub mod metrics;
pub mod money;
pub mod pairs;
pub mod parked;
pub mod partition;
pub mod presence;
mod prospect;
pub mod replayer;
pub mod rows;
pub mod store;
pub mod stored;
pub mod subscription;
pub mod verify;
