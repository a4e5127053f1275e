//! The Kafka producer: idempotent, every replica asked, retrying for ever, so that an outage only makes it wait. Delivery
//! reports become messages to the forwarder's thread.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use sluice_schemas::chunk::ChunkHeader;

use crate::config::KafkaConfig;
use crate::signal::Signal;

/// What became of a chunk.
#[derive(Debug)]
pub struct Report {
    pub ticket: Ticket,
    pub result: Result<(), KafkaError>,
}

/// Names a chunk on its way.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    /// Of the producer; reports of a producer that was given up are ignored.
    pub generation: u64,
    pub lane_index: usize,
    pub first_ordinal: u64,
}

/// Sends reports to the forwarder's thread and wakes it.
pub struct Context {
    pub reports: Sender<Report>,
    pub wake: Arc<Signal>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(facility, message, "librdkafka");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => {
                tracing::warn!(facility, message, "librdkafka")
            }
            _ => tracing::debug!(facility, message, "librdkafka"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Logged above already, and repeated as long as an outage lasts.
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => {
                tracing::debug!(%error, reason, "Kafka");
            }
            _ => tracing::warn!(%error, reason, "Kafka"),
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if self.reports.send(Report { ticket: *ticket, result }).is_ok() {
            self.wake.raise();
        }
    }
}

/// See the module.
pub type Producer = ThreadedProducer<Context>;

/// Makes a producer. Does not wait for the brokers.
///
/// # Errors
/// When librdkafka refuses a setting.
pub fn create(config: &KafkaConfig, context: Context) -> KafkaResult<Producer> {
    let mut client = ClientConfig::new();
    client
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "sluice-ingest")
        .set("enable.idempotence", "true")
        // A refused chunk ends the producer before a later one can pass it.
        .set("enable.gapless.guarantee", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        // An outage is waited out: nothing times out here, the journal is the buffer.
        .set("message.timeout.ms", "0")
        .set("message.max.bytes", "4194304")
        .set("linger.ms", "1")
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true")
        .set_log_level(RDKafkaLogLevel::Warning);
    for (name, value) in &config.properties {
        client.set(name, value.expose());
    }
    client.create_with_context(context)
}

/// Hands a chunk to the producer.
///
/// Returns `false` when its queue is full; try again after the next report.
///
/// # Errors
/// When the producer is of no more use.
pub fn send(
    producer: &Producer,
    topic: &str,
    header: &ChunkHeader,
    value: &[u8],
    ticket: Ticket,
) -> KafkaResult<bool> {
    let key = header.lane_name();
    let headers =
        header.to_text().iter().fold(OwnedHeaders::new_with_capacity(5), |headers, (name, value)| {
            headers.insert(Header { key: name, value: Some(value) })
        });
    let record =
        BaseRecord::with_opaque_to(topic, Box::new(ticket)).key(&key).payload(value).headers(headers);
    match producer.send(record) {
        Ok(()) => Ok(true),
        Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
        Err((error, _)) => Err(error),
    }
}
