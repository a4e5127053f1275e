//! The local stack: the real servers and the services, started, watched and stopped on one machine.
//!
//! - [`servers`]: PostgreSQL, Kafka and ClickHouse. [`chdb`] is the engine of ClickHouse behind its
//!   HTTP interface.
//! - [`stack`]: everything together, for `up`. [`demo`] is the demo data.
//! - [`process`]: child processes that cannot outlive their parent.
//! - [`testing`]: all of this for integration tests.
//! - [`artifacts`]: files that are downloaded once and kept.
//!
//! This is for one machine and for tests. Production runs the same services against its own
//! servers.

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
