//! The local stack: the real servers and the services, started, watched and stopped on one machine.
//!
//! - [`servers`]: PostgreSQL, Kafka and ClickHouse; [`chdb`] is ClickHouse's engine behind its HTTP interface;
//! - [`stack`]: everything together, for `up`; [`demo`] is what it shows a newcomer;
//! - [`process`]: children that cannot outlive their parent;
//! - [`testing`]: all of this for integration tests;
//! - [`artifacts`]: what is downloaded once and kept.
//!
//! For one machine and for tests. Production runs the same services against servers of its own.

pub mod artifacts;
pub mod binaries;
pub mod chdb;
pub mod demo;
pub mod keeper;
pub mod ports;
pub mod probe;
pub mod process;
pub mod progress;
pub mod secrets;
pub mod servers;
pub mod stack;
pub mod testing;
