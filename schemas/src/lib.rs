//! The formats and terms that the parts of Sluice share: the event type and its encoding, chunks in
//! Kafka, changes of stored events, the live feed, topics, outcomes, tracking keys, currencies,
//! ClickHouse rows, and the migrations of both databases. No I/O.
#![forbid(unsafe_code)]

pub mod change;
pub mod chunk;
pub mod contact;
pub mod currency;
pub mod decimal;
pub mod event;
pub mod id_time;
pub mod live;
pub mod migrations;
pub mod networks;
pub mod outcome;
pub mod parameters;
pub mod rows;
pub mod status;
pub mod text;
pub mod topics;
pub mod tracking_key;
mod words;
