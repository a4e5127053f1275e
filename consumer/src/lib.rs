//! # The path of an event through the consumer
//!
//! 1. [`writer`] checks that no other consumer group writes the database. [`subscription`] takes
//!    part in the Kafka group and passes every record to the owner of its partition (`assignment`,
//!    `lease`).
//! 2. [`partition`] owns one partition: `collect` gathers records into batches, and `event_batches`
//!    takes each batch through the steps below. A step that fails is retried (`context`, `retry`).
//! 3. [`directory`] is the Postgres snapshot that resolves the owner of an event. It is never older
//!    than the batch's events.
//! 4. `planner` commits the plan of the batch as Kafka's committed offset ([`commit`]): its range
//!    and the version of its directory are fixed now.
//! 5. [`decode`] turns chunks into events, leaves out those that the lane has had already, and
//!    reports those that never came.
//! 6. `stored_prospects` looks for the prospects that the batch's orders name. The answer is stored
//!    as the batch's verdict before it is used.
//! 7. [`rows`] makes rows and sums of events, with [`pairs`] (the parameters of the URL),
//!    [`enrich`] (address and user agent) and [`money`] (the payout of an order). An event that
//!    cannot be used yet becomes a parked row.
//! 8. `insert` inserts the rows, and then the lanes' new ordinals. In doubt it looks which of them
//!    are there ([`presence`], by the keys in [`stored`]).
//! 9. `planner` commits the end of the batch. [`live_feed`] sends a sample of its events to
//!    `/live/`.
//!
//! [`changes`] does the same for the topic of edits and deletions. `replayer` does it for parked
//! events that can be stored now, and moves those that an Owner has decided about
//! (`decision_queries`). `room` limits how many are parked. [`erased`] makes what is left of an
//! order whose customer was erased while it waited.
//!
//! Everything in memory can be computed again from Kafka and ClickHouse: a killed consumer loses
//! nothing and counts nothing twice.
#![forbid(unsafe_code)]

mod assignment;
mod batch;
pub mod changes;
mod collect;
pub mod commit;
pub mod config;
pub mod context;
mod decision_queries;
pub mod decode;
pub mod directory;
pub mod enrich;
pub mod erased;
mod event;
mod event_batches;
mod findings;
mod insert;
mod lease;
pub mod live_feed;
pub mod metrics;
pub mod money;
pub mod owner;
pub mod pairs;
pub mod parked_command;
pub mod parked_counts;
pub mod parked_queries;
pub mod partition;
mod planner;
pub mod presence;
mod prospect;
mod replayer;
mod retry;
mod room;
pub mod rows;
pub mod sql;
pub mod store;
pub mod stored;
mod stored_prospects;
pub mod subscription;
pub mod topic;
pub mod verify;
pub mod writer;
