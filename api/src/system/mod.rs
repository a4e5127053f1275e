//! The state of all parts of the system: services, Kafka and databases.

pub mod check;
pub mod model;
