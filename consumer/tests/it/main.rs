//! The consumer on a real Kafka and the real ClickHouse engine. Each test has its own topic and
//! database.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod changes;
mod crash;
mod damage;
mod doubt;
mod exactly_once;
mod gate;
mod harness;
mod kinds;
mod live;
mod migrations;
mod newer;
mod origin_edits;
mod parked;
mod parked_cli;
mod payouts;
mod rebalances;
mod reclassify;
mod resolving;
mod standing_still;
mod tripwire;
mod verify;
mod verify_kafka;
mod verify_people;
mod waiting;
mod writer;
