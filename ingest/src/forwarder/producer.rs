//! The Kafka producer. It is idempotent, waits for every in-sync replica, and retries for ever, so
//! an outage only makes it wait. Delivery reports become messages to the forwarder, which collects
//! them with [`Producer::poll`].
//!
//! There is no thread that waits for reports. `ThreadedProducer` has one, and it spins: in rdkafka
//! 0.39, `BaseProducer::poll` (src/producer/base_producer.rs) passes the remaining time to
//! librdkafka in whole milliseconds. It therefore polls without waiting during the last fraction of
//! a millisecond before each deadline, ten times a second, which costs 1–2 % of a core. The
//! forwarder wakes up for synced events anyway, and reports that come some milliseconds late delay
//! nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, ProducerContext};
use sluice_runtime::kafka;
use sluice_schemas::chunk::ChunkHeader;

use crate::config::KafkaConfig;

/// The delivery result of a chunk.
#[derive(Debug)]
pub struct Report {
    pub ticket: Ticket,
    pub result: Result<(), KafkaError>,
}

/// Identifies a chunk in flight.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    /// The generation of the producer. Reports of replaced producers are ignored.
    pub generation: u64,
    pub lane_index: usize,
    pub first_ordinal: u64,
}

/// The callbacks of librdkafka, called by [`Producer::poll`] and when the producer is dropped.
struct Context {
    reports: Sender<Report>,
    n_called: Arc<AtomicU64>,
}

impl Context {
    fn called(&self) {
        self.n_called.fetch_add(1, Ordering::Relaxed);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.called();
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
        self.called();
        match error.rdkafka_error_code() {
            // Logged above already, and repeated for as long as an outage lasts.
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
        self.called();
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if self.reports.send(Report { ticket: *ticket, result }).is_err() {
            tracing::debug!("a delivery report came after the forwarder ended");
        }
    }
}

/// A producer of one generation. When it is dropped, it gives up the chunks in flight within half a
/// second.
pub struct Producer {
    client: BaseProducer<Context>,
    n_called: Arc<AtomicU64>,
}

impl Producer {
    /// Creates a producer. Does not wait for the brokers.
    pub fn create(config: &KafkaConfig, reports: Sender<Report>) -> KafkaResult<Self> {
        // Sends at once: a chunk is already a batch.
        let mut client = kafka::producer(&config.brokers, "sluice-ingest");
        client
            // A refused chunk stops the producer before a later chunk can overtake it.
            .set("enable.gapless.guarantee", "true")
            .set("compression.type", "lz4")
            // Nothing times out during an outage, because the journal is the buffer.
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", "4194304")
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &config.properties {
            client.set(name, value.expose());
        }
        let n_called = Arc::new(AtomicU64::new(0));
        let context = Context { reports, n_called: Arc::clone(&n_called) };
        Ok(Self { client: client.create_with_context(context)?, n_called })
    }

    /// Runs the pending callbacks without waiting. Their reports are in the channel afterwards.
    pub fn poll(&self) {
        loop {
            let n_called = self.n_called.load(Ordering::Relaxed);
            // Handles at most one event, and does not tell whether there was one.
            self.client.poll(Duration::ZERO);
            if self.n_called.load(Ordering::Relaxed) == n_called {
                return;
            }
        }
    }

    /// Passes a chunk to librdkafka.
    ///
    /// Returns `false` if its queue is full. Try again after the next report.
    ///
    /// # Errors
    /// When the producer can no longer be used.
    pub fn send(&self, topic: &str, header: &ChunkHeader, value: &[u8], ticket: Ticket) -> KafkaResult<bool> {
        let key = header.lane_name();
        let headers =
            header.to_text().iter().fold(OwnedHeaders::new_with_capacity(5), |headers, (name, value)| {
                headers.insert(Header { key: name, value: Some(value) })
            });
        let record =
            BaseRecord::with_opaque_to(topic, Box::new(ticket)).key(&key).payload(value).headers(headers);
        match self.client.send(record) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((error, _)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use uuid::Uuid;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn send(producer: &Producer, topic: &str, first_ordinal: u64) {
        let header = ChunkHeader { edge: Uuid::max(), lane: 0, first_seq: first_ordinal, count: 1 };
        let ticket = Ticket { generation: 7, lane_index: 0, first_ordinal };
        assert_eq!(producer.send(topic, &header, b"x", ticket), Ok(true));
    }

    #[test]
    fn polling_brings_every_report() {
        let cluster: MockCluster<'_, DefaultProducerContext> = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let config = KafkaConfig { brokers: cluster.bootstrap_servers(), ..KafkaConfig::default() };
        let (reports_in, reports) = mpsc::channel();
        let producer = Producer::create(&config, reports_in).unwrap();
        (1..=100).for_each(|ordinal| send(&producer, "t", ordinal));
        let (mut delivered, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while delivered.len() < 100 {
            assert!(Instant::now() < deadline, "{} of 100", delivered.len());
            producer.poll();
            delivered.extend(reports.try_iter().map(|report| {
                assert_eq!(report.result, Ok(()));
                report.ticket.first_ordinal
            }));
            std::thread::yield_now();
        }
        assert_eq!(delivered, (1..=100).collect::<Vec<u64>>());
    }

    #[test]
    fn a_producer_without_brokers_is_given_up_at_once_and_reports_what_it_had() {
        let config = KafkaConfig { brokers: "127.0.0.1:1".to_owned(), ..KafkaConfig::default() };
        let (reports_in, reports) = mpsc::channel();
        let producer = Producer::create(&config, reports_in).unwrap();
        send(&producer, "t", 1);
        let began = Instant::now();
        drop(producer);
        assert!(began.elapsed() < PATIENCE / 3, "{:?}", began.elapsed());
        let report = reports.recv().unwrap();
        assert!(report.result.is_err());
        // The channel is closed: nothing of the producer is left.
        assert!(reports.recv().is_err());
    }
}
