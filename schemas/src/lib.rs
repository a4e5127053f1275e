//! What the parts of Sluice agree on: the event type and its bytes, the chunk envelope in Kafka, changes of what is stored, topics, outcomes, tracking
//! keys, currencies, ClickHouse rows, and the migrations of both databases. No I/O: who moves the bytes is not this crate's business.
#![forbid(unsafe_code)]

pub mod change;
pub mod chunk;
pub mod currency;
pub mod event;
pub mod id_time;
pub mod migrations;
pub mod outcome;
pub mod rows;
pub mod status;
pub mod topics;
pub mod tracking_key;
