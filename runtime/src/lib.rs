//! The parts that every service needs, without business logic: configuration, lifecycle (drain,
//! abort), logging, metrics and health on a separate port, the limit of open files, the properties
//! of Kafka clients, the address of a client, and the clock.
//!
//! The `main` of a service runs in this order: [`config::load_or_exit`] → [`telemetry::init`] →
//! [`lifecycle::Lifecycle::start`] → build → [`ops::serve`] → print the bound addresses → wait →
//! drain.
#![forbid(unsafe_code)]

pub mod client_address;
pub mod clock;
pub mod config;
pub mod content_coding;
pub mod descriptors;
pub mod kafka;
pub mod lifecycle;
pub mod ops;
pub mod telemetry;
