//! The forwarder with librdkafka's mock brokers, which can fail in ways that a real broker cannot
//! be made to: nothing is lost, and repetitions are recognised by their ordinals. The end-to-end
//! tests use a real Kafka.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use prometheus_client::registry::Registry;
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use sluice_ingest::edge::Edge;
use sluice_ingest::journal::segment;
use sluice_runtime::clock::Clock;
use sluice_runtime::ops::Readiness;
use sluice_schemas::chunk::{ChunkHeader, decode_event, split_events};
use tokio_util::sync::CancellationToken;

use crate::support::{KEY, config, exchange_raw};

const TOPIC: &str = "sluice.events";
const N_PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn cluster() -> MockCluster<'static, DefaultProducerContext> {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, N_PARTITIONS, 1).unwrap();
    cluster
}

/// Runs an edge, sends it numbered pixels, and ends it when Kafka has them. Returns the number of
/// delivery errors.
fn run_edge(dir: &Path, brokers: &str, numbers: std::ops::Range<u64>, meanwhile: impl FnOnce()) -> f64 {
    let mut config = config(dir);
    config.edge.threads = 2;
    config.journal.segment_bytes = 256 * 1024;
    config.kafka.brokers = brokers.to_owned();
    config.kafka.chunk_bytes = 4096;
    config.kafka.drain_ms = 30_000;
    let (draining, mut registry) = (CancellationToken::new(), Registry::default());
    let edge = Edge::start(&config, &Clock::System, &Readiness::default(), &mut registry, &draining).unwrap();
    let request = |number: u64| {
        let end = if number % 50 == 49 { "Connection: close\r\n" } else { "" };
        format!("GET /p.gif?k={KEY}&beacon=1&sub1={number} HTTP/1.1\r\nHost: a\r\n{end}\r\n")
    };
    for first in numbers.step_by(50) {
        let pipelined: String = (first..first + 50).map(request).collect();
        let bytes = exchange_raw(edge.listen(), pipelined.as_bytes());
        assert_eq!(String::from_utf8_lossy(&bytes).matches("x-sluice-ack: journal").count(), 50);
    }
    meanwhile();
    draining.cancel();
    edge.finish().unwrap();
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let errors = text.lines().find(|line| line.starts_with("sluice_edge_delivery_errors_total"));
    errors.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Reads until `n` events have arrived, and drops repetitions as the consumer does. Returns the
/// pairs and the number of repetitions.
pub(crate) fn consume(brokers: &str, n: usize) -> (Vec<String>, u64) {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).set("group.id", "test").create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..N_PARTITIONS {
        assignment.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut expected, mut pairs, mut n_repeats) = (BTreeMap::new(), Vec::new(), 0);
    let deadline = Instant::now() + PATIENCE;
    while pairs.len() < n {
        assert!(Instant::now() < deadline, "{} of {n} events", pairs.len());
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.unwrap();
        let headers = message.headers().unwrap();
        let header = ChunkHeader::read(|name| {
            headers.iter().find(|header| header.key == name).and_then(|header| header.value)
        })
        .unwrap();
        assert_eq!(message.key().unwrap(), header.lane_name().as_bytes());
        let next = expected.entry((header.edge, header.lane)).or_insert(1);
        assert!(header.first_seq <= *next, "a gap: {header:?}, expected {next}");
        let events = split_events(message.payload().unwrap().to_vec().into(), header.count).unwrap();
        for (ordinal, event) in (header.first_seq..).zip(events) {
            if ordinal < *next {
                n_repeats += 1;
                continue;
            }
            *next = ordinal + 1;
            pairs.push(String::from_utf8(decode_event(event).unwrap().pairs.to_vec()).unwrap());
        }
    }
    (pairs, n_repeats)
}

fn assert_numbers(mut pairs: Vec<String>, n: u64) {
    let mut expected: Vec<String> = (0..n).map(|number| format!("k={KEY}&beacon=1&sub1={number}")).collect();
    pairs.sort();
    expected.sort();
    assert_eq!(pairs, expected);
}

#[test]
fn an_edge_goes_on_where_it_stopped_and_deletes_what_was_delivered() {
    let (cluster, dir) = (cluster(), tempfile::tempdir().unwrap());
    let brokers = cluster.bootstrap_servers();
    for start in [0, 2000] {
        assert_eq!(run_edge(dir.path(), &brokers, start..start + 2000, || {}), 0.0);
    }
    let (pairs, n_repeats) = consume(&brokers, 4000);
    assert_numbers(pairs, 4000);
    assert_eq!(n_repeats, 0);
    for lane in 0..2 {
        assert!(segment::list(&dir.path().join(format!("lane-{lane}"))).unwrap().len() <= 1);
    }
}

#[test]
fn after_a_refused_chunk_everything_is_sent_again_from_the_last_acknowledged() {
    let (cluster, dir) = (cluster(), tempfile::tempdir().unwrap());
    let brokers = cluster.bootstrap_servers();
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::Produce, &[refused; 3]);
    let errors = run_edge(dir.path(), &brokers, 0..1000, || {});
    assert!(errors >= 1.0);
    assert_numbers(consume(&brokers, 1000).0, 1000);
}

#[test]
fn an_outage_is_waited_out() {
    let (cluster, dir) = (cluster(), tempfile::tempdir().unwrap());
    let brokers = cluster.bootstrap_servers();
    cluster.broker_down(1).unwrap();
    let errors = run_edge(dir.path(), &brokers, 0..1000, || cluster.broker_up(1).unwrap());
    assert_eq!(errors, 0.0);
    assert_numbers(consume(&brokers, 1000).0, 1000);
}
