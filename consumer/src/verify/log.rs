//! Reads the records of a topic again for a repair: from a time on, up to the committed offsets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::commit::{PATIENCE, Place, run_blocking};
use crate::config::KafkaConfig;
use crate::decode::Record;
use crate::subscription::read_record;
use crate::topic::Topic;
use crate::verify::stopped::observer;

/// A run of records is closed once it has this many events or bytes.
const N_EVENTS_A_RUN: u64 = 20_000;
const N_BYTES_A_RUN: usize = 8 * 1024 * 1024;
/// Kafka may be silent for this long.
const SILENCE: Duration = Duration::from_secs(30);

/// The offsets of one partition that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) partition: i32,
    pub(super) begin: i64,
    pub(super) end: i64,
    /// Whether Kafka has dropped earlier records, some of which may belong to the requested time.
    pub(super) is_cut: bool,
}

/// Reads one partition.
pub(super) struct Reader {
    consumer: Arc<BaseConsumer>,
    end: i64,
    is_over: bool,
}

/// The spans of a topic's partitions from a time on (Unix milliseconds), or from their beginnings.
///
/// # Errors
/// If Kafka does not answer.
pub(super) async fn spans(
    config: &KafkaConfig,
    topic: Topic,
    from_ms: Option<i64>,
    places: &BTreeMap<i32, Place>,
) -> Result<Vec<Span>, KafkaError> {
    let (client, topic, places) = (observer(config, topic), config.name_of(topic).to_owned(), places.clone());
    run_blocking(move || {
        let consumer: BaseConsumer = client.create()?;
        let span = |(partition, place): (&i32, &Place)| {
            let (first, _) = consumer.fetch_watermarks(&topic, *partition, PATIENCE)?;
            let found = match from_ms {
                Some(from_ms) => find_time(&consumer, &topic, *partition, from_ms)?,
                None => Some(first),
            };
            let begin = found.map_or(place.begin, |found| found.max(first)).min(place.begin);
            let is_cut = first > 0 && begin <= first;
            Ok(Span { partition: *partition, begin, end: place.begin, is_cut })
        };
        places.iter().map(span).collect()
    })
    .await
}

/// The offset of the first record that is not older than a time.
fn find_time(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    from_ms: i64,
) -> Result<Option<i64>, KafkaError> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(from_ms))?;
    let found = consumer.offsets_for_times(list, PATIENCE)?;
    let Some(element) = found.elements().into_iter().next() else { return Ok(None) };
    element.error()?;
    Ok(match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    })
}

impl Reader {
    /// Begins to read. Does not join the group.
    ///
    /// # Errors
    /// If librdkafka refuses its configuration.
    pub(super) fn open(config: &KafkaConfig, topic: Topic, span: &Span) -> Result<Self, KafkaError> {
        let mut client = observer(config, topic);
        client.set("enable.partition.eof", "true").set("auto.offset.reset", "error");
        let consumer: BaseConsumer = client.create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(config.name_of(topic), span.partition, Offset::Offset(span.begin))?;
        consumer.assign(&list)?;
        Ok(Self { consumer: Arc::new(consumer), end: span.end, is_over: span.begin >= span.end })
    }

    /// The next records; none at the end.
    ///
    /// # Errors
    /// If Kafka does not answer, or has dropped the records in the meantime.
    pub(super) async fn next_run(&mut self) -> Result<Vec<Record>, KafkaError> {
        if self.is_over {
            return Ok(Vec::new());
        }
        let (consumer, end) = (Arc::clone(&self.consumer), self.end);
        let (records, is_over) = run_blocking(move || read_run(&consumer, end)).await?;
        self.is_over = is_over;
        Ok(records)
    }
}

/// Reads a run of records before an offset. Also returns whether that was the last one.
fn read_run(consumer: &BaseConsumer, end: i64) -> Result<(Vec<Record>, bool), KafkaError> {
    let (mut records, mut n_events, mut n_bytes) = (Vec::new(), 0, 0);
    let mut deadline = Instant::now() + SILENCE;
    while n_events < N_EVENTS_A_RUN && n_bytes < N_BYTES_A_RUN {
        let message = match consumer.poll(PATIENCE) {
            Some(Ok(message)) if message.offset() < end => message,
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok((records, true)),
            Some(Err(error)) if is_final(&error) || Instant::now() >= deadline => return Err(error),
            None if Instant::now() >= deadline => {
                return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
            }
            // librdkafka connects again by itself.
            Some(Err(_)) | None => continue,
        };
        deadline = Instant::now() + SILENCE;
        let record = read_record(&message);
        n_events += record.header.as_ref().map_or(1, |header| header.count.into());
        n_bytes += record.value.len();
        records.push(record);
        if message.offset() + 1 >= end {
            return Ok((records, true));
        }
    }
    Ok((records, false))
}

/// Whether nothing will follow: the records were dropped meanwhile, or the client is broken.
const fn is_final(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumptionFatal(_)
            | KafkaError::MessageConsumption(
                RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange
            )
    )
}
