//! The consumer on a real Kafka and the real ClickHouse engine; each test has its own topic and database.

mod exactly_once;
mod harness;
mod kinds;
mod tripwire;
