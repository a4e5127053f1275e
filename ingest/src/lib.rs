//! The edge: writes pixels and orders into a crash-safe journal, and the journal into Kafka.
//!
//! # The path of an event
//!
//! 1. One of the serving threads accepts a connection ([`server`]). Each thread has its own
//!    runtime, listeners, journal lane and counters, and shares no changing state with the others.
//! 2. [`routes`] finds the handler of the path. A pixel is answered in place ([`pixel`]). A body is
//!    read first ([`body`]), parsed into named values ([`fields`]) and checked ([`validate`]).
//! 3. [`query`] reads the few values that decide: key, prospect id, `user_id`. `client_address` of
//!    `sluice-runtime` decides which address is the visitor's.
//! 4. [`worker::Worker::append`] writes the event into the mapped segment of the thread's lane
//!    ([`journal`]). From then on a killed process loses nothing. A pixel is answered now, an order
//!    when the sync thread has synced it to disk.
//! 5. The forwarder ([`forwarder`]) reads synced records, sends them in chunks, and moves the
//!    cursor of the lane when Kafka has acknowledged them. Delivered segments are recycled, or
//!    deleted if they are not needed.
//!
//! # Invariants
//!
//! - Between a pixel and its answer there is no I/O to another machine, no lock shared between
//!   threads, and no wait.
//! - An event answered with `x-sluice-ack: journal` survives a crash of the process. `synced` means
//!   that it also survives a power failure.
//! - Every event gets one outcome, in a header and in a counter. The answer to a pixel is never an
//!   error.

pub mod answer;
pub mod body;
pub mod client_address;
pub mod config;
pub mod connection;
pub mod cors;
pub mod edge;
pub mod event_ids;
pub mod fields;
pub mod forwarder;
pub mod journal;
pub mod legacy_api;
pub mod metrics;
pub mod order;
pub mod pixel;
pub mod query;
pub mod redirect;
pub mod refusal;
pub mod request_head;
pub mod routes;
pub mod server;
pub mod signal;
pub mod snippet;
pub mod validate;
pub mod worker;
