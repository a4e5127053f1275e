//! What every service needs and nothing about Sluice's business: configuration, lifecycle (drain, abort), tracing, metrics
//! and health on a port of their own, and the clock.
//!
//! A service's `main` runs in this order: [`config::load_or_exit`] → [`telemetry::init`] → [`lifecycle::Lifecycle::start`] →
//! build → [`ops::serve`] → print the bound addresses → wait → drain.
#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod lifecycle;
pub mod ops;
pub mod telemetry;
