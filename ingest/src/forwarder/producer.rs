//! The Kafka producer: idempotent, every replica asked, retrying for ever, so that an outage only makes it wait. Delivery
//! reports become messages to the forwarder, which asks for them with [`Producer::poll`].
//!
//! Left out: a thread that waits for reports. `ThreadedProducer` has one, and it spins: in rdkafka 0.39
//! `BaseProducer::poll` (src/producer/base_producer.rs) gives librdkafka the time left in whole milliseconds, so that it
//! polls without waiting for the last fraction of one before each deadline, ten times a second, 1–2 % of a core. The
//! forwarder wakes up for what is synced anyway, and a report that it sees some milliseconds later holds nothing up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, ProducerContext};
use sluice_schemas::chunk::ChunkHeader;

use crate::config::KafkaConfig;

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

/// What librdkafka calls back, in [`Producer::poll`] and when the producer is dropped.
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
        self.called();
        let result = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if self.reports.send(Report { ticket: *ticket, result }).is_err() {
            tracing::debug!("nobody hears of a delivery any more");
        }
    }
}

/// See the module. Dropped, it gives up what is on its way, within half a second.
pub struct Producer {
    client: BaseProducer<Context>,
    n_called: Arc<AtomicU64>,
}

impl Producer {
    /// Makes a producer. Does not wait for the brokers.
    ///
    /// # Errors
    /// When librdkafka refuses a setting.
    pub fn create(config: &KafkaConfig, reports: Sender<Report>) -> KafkaResult<Self> {
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
            // A chunk is a batch already.
            .set("linger.ms", "0")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true")
            .set_log_level(RDKafkaLogLevel::Warning);
        for (name, value) in &config.properties {
            client.set(name, value.expose());
        }
        let n_called = Arc::new(AtomicU64::new(0));
        let context = Context { reports, n_called: Arc::clone(&n_called) };
        Ok(Self { client: client.create_with_context(context)?, n_called })
    }

    /// Takes what librdkafka has to tell, without waiting: reports are in the channel then.
    pub fn poll(&self) {
        loop {
            let n_called = self.n_called.load(Ordering::Relaxed);
            // Takes one thing at most, and does not say whether there was one.
            self.client.poll(Duration::ZERO);
            if self.n_called.load(Ordering::Relaxed) == n_called {
                return;
            }
        }
    }

    /// Hands a chunk to librdkafka.
    ///
    /// Returns `false` when its queue is full; try again after the next report.
    ///
    /// # Errors
    /// When the producer is of no more use.
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
