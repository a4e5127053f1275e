//! Questions to the other services about their state, for `/system/`. Nothing here decides what is
//! shown.

pub mod kafka;
pub mod ops;
pub mod seen;

use crate::config::KafkaConfig;
use crate::probes::kafka::Kafka;
use crate::probes::ops::Ops;
use crate::probes::seen::Seen;

/// The clients, and the states that were seen before.
pub struct Probes {
    pub ops: Ops,
    pub kafka: Kafka,
    pub seen: Seen,
}

impl Probes {
    /// Creates the clients. They connect on first use.
    #[must_use]
    pub fn new(kafka: &KafkaConfig) -> Self {
        Self { ops: Ops::new(), kafka: Kafka::new(kafka), seen: Seen::default() }
    }
}
