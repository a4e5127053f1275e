//! The edge: pixels and orders into a crash-safe journal, the journal into Kafka.
//!
//! # The way of an event
//!
//! 1. A connection is accepted by one of the serving threads ([`server`]); each has its own runtime, listeners, lane of the
//!    journal and counters, and shares nothing with the others.
//! 2. [`routes`] finds what the path leads to. A pixel is answered in place ([`pixel`]); a body is read first ([`body`]),
//!    turned into named values ([`fields`]) and checked ([`validate`]).
//! 3. [`query`] reads the few values that decide: key, prospect id, `user_id`. [`client_address`] decides whose address it is.
//! 4. [`worker::Worker::append`] writes the event into the mapped segment of the thread's lane ([`journal`]). From here on a
//!    killed process loses nothing. A pixel is answered now; an order when the sync thread has brought it to disk.
//! 5. The forwarder ([`forwarder`]) reads what is synced, sends it in chunks, and moves the lane's cursor when Kafka has them.
//!    Delivered segments are deleted.
//!
//! # Invariants
//!
//! - Between a pixel and its answer there is no I/O to another machine, no lock shared between threads, and no wait.
//! - What was answered `x-sluice-ack: journal` survives the process, `synced` survives the power.
//! - Every event gets one outcome, in a header and in a counter. A pixel's answer is never an error.

pub mod answer;
pub mod body;
pub mod client_address;
pub mod config;
pub mod connection;
pub mod cors;
pub mod edge;
pub mod fields;
pub mod forwarder;
pub mod ids;
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
