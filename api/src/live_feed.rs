//! The feed of `/live/`: reads `sluice.live` once for all viewers, and keeps the last rows in
//! memory. Each viewer's stream takes what is new since its position, and filters it.
//!
//! A position is an offset of the topic, so that all processes of the API have the same ones.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_runtime::kafka;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_schemas::live::{LeftOut, LiveMessage, LiveRow, PARTITION};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::KafkaConfig;

/// The rows that are kept in memory.
const MAX_ROWS: usize = 5_000;
/// The longest time that a message is kept.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The messages that a new process reads first.
const TAIL: i64 = 300;
const POLL: Duration = Duration::from_millis(200);
/// The pause before the next client, after an error of Kafka.
const RETRY: Duration = Duration::from_secs(2);

/// The reader of the feed, and its last rows.
pub struct LiveFeed {
    config: KafkaConfig,
    ring: Mutex<Ring>,
    changed: watch::Sender<()>,
}

/// A message of the feed.
#[derive(Debug)]
pub struct Shown {
    offset: i64,
    read: Instant,
    /// Without rows of earlier messages.
    pub rows: Vec<LiveRow>,
    pub left_out: Vec<LeftOut>,
}

/// The news of the feed since a position.
#[derive(Debug)]
pub struct News {
    /// Oldest first.
    pub messages: Vec<Arc<Shown>>,
    /// The next position.
    pub position: i64,
    /// Whether messages after the position are not kept any more.
    pub is_cut: bool,
}

#[derive(Default)]
struct Ring {
    messages: VecDeque<Arc<Shown>>,
    /// The ids of the rows: a batch that was repeated is sent twice.
    ids: HashSet<Uuid>,
    /// The next offset; `None` before the feed was reached.
    next: Option<i64>,
    /// Messages before this offset are not kept.
    begin: i64,
    is_connected: bool,
    is_closed: bool,
}

impl LiveFeed {
    /// Reads nothing before [`Self::read`].
    #[must_use]
    pub fn new(config: &KafkaConfig) -> Self {
        let (changed, _) = watch::channel(());
        Self { config: config.clone(), ring: Mutex::default(), changed }
    }

    /// Returns the position of the next message, if the feed can be reached now.
    #[must_use]
    pub fn position(&self) -> Option<i64> {
        let ring = self.ring();
        ring.next.filter(|_| ring.is_connected)
    }

    /// Returns the messages since a position; `None` before the feed was reached.
    #[must_use]
    pub fn since(&self, position: i64) -> Option<News> {
        self.ring().since(position)
    }

    /// Returns a receiver that is told of each message, and of each change of the connection.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Returns whether the service drains, so that streams must end.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring().is_closed
    }

    fn close(&self) {
        self.ring().is_closed = true;
        self.changed.send_replace(());
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Blocks its thread, and reads the feed until the drain. Without a topic it returns at once.
    pub fn read(&self, draining: &CancellationToken) {
        while !self.config.live_topic.is_empty() && !draining.is_cancelled() {
            if let Err(error) = self.read_by_one_client(draining) {
                let was_connected = std::mem::take(&mut self.ring().is_connected);
                if was_connected {
                    tracing::warn!(%error, "the feed of live events cannot be read");
                    self.changed.send_replace(());
                }
            }
            let retry = Instant::now() + RETRY;
            while Instant::now() < retry && !draining.is_cancelled() {
                std::thread::sleep(POLL);
            }
        }
    }

    fn read_by_one_client(&self, draining: &CancellationToken) -> KafkaResult<()> {
        let mut client = kafka::consumer(&self.config.brokers, "sluice-api-live", "sluice-api-live");
        client
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            // Bounds librdkafka's own read-ahead.
            .set("queued.max.messages.kbytes", "4096");
        let consumer: BaseConsumer = client.create()?;
        let begin = self.ring().next.map_or(Offset::OffsetTail(TAIL), Offset::Offset);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.config.live_topic, PARTITION, begin)?;
        // Takes part in no group: each process reads everything.
        consumer.assign(&list)?;
        while !draining.is_cancelled() {
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(record)) => {
                    // A later version may send what this one cannot read.
                    let read = record.payload().map(serde_json::from_slice::<LiveMessage>);
                    let message = read.and_then(Result::ok).unwrap_or_default();
                    self.ring().push(record.offset(), message);
                    self.changed.send_replace(());
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    let mut ring = self.ring();
                    ring.next.get_or_insert(0);
                    if !std::mem::replace(&mut ring.is_connected, true) {
                        self.changed.send_replace(());
                    }
                }
                Some(Err(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Reads the feed until the drain.
pub fn watch(feed: &Arc<LiveFeed>, lifecycle: &Lifecycle) {
    let (feed, draining) = (Arc::clone(feed), lifecycle.draining().clone());
    lifecycle.spawn(async move {
        let (reader, end) = (Arc::clone(&feed), draining.clone());
        // After a panic there, the page still has its plain list.
        if tokio::task::spawn_blocking(move || reader.read(&end)).await.is_err() {
            tracing::error!("the reader of the feed of live events has crashed");
        }
        draining.cancelled().await;
        feed.close();
    });
}

impl Ring {
    fn push(&mut self, offset: i64, message: LiveMessage) {
        let LiveMessage { mut rows, left_out } = message;
        if self.next.is_some_and(|next| offset < next) {
            // The topic was made anew.
            let Self { is_connected, is_closed, .. } = *self;
            *self = Self { is_connected, is_closed, ..Self::default() };
        }
        if self.next.is_none() {
            self.begin = offset;
        }
        self.next = Some(offset + 1);
        rows.retain(|row| self.ids.insert(row.id));
        self.messages.push_back(Arc::new(Shown { offset, read: Instant::now(), rows, left_out }));
        while self.ids.len() > MAX_ROWS
            || self.messages.front().is_some_and(|message| message.read.elapsed() > MAX_AGE)
        {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.begin = oldest.offset + 1;
            for row in &oldest.rows {
                self.ids.remove(&row.id);
            }
        }
    }

    fn since(&self, position: i64) -> Option<News> {
        let next = self.next?;
        let is_cut = position < self.begin || position > next;
        // After a gap the viewer begins with what comes next.
        let from = if is_cut { next } else { position };
        let messages = self.messages.iter().filter(|message| message.offset >= from).map(Arc::clone);
        Some(News { messages: messages.collect(), position: next, is_cut })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ids: std::ops::Range<u128>) -> LiveMessage {
        let row = |id| LiveRow { id: Uuid::from_u128(id), ..LiveRow::default() };
        LiveMessage { rows: ids.map(row).collect(), left_out: Vec::new() }
    }

    fn ids(news: &News) -> Vec<u128> {
        news.messages.iter().flat_map(|message| &message.rows).map(|row| row.id.as_u128()).collect()
    }

    #[test]
    fn a_viewer_goes_on_from_their_position_and_sees_no_row_twice() {
        let mut ring = Ring::default();
        assert!(ring.since(0).is_none(), "the feed was not reached");
        ring.push(7, message(0..3));
        ring.push(8, message(1..5));
        let news = ring.since(7).unwrap();
        assert_eq!((ids(&news), news.position, news.is_cut), (vec![0, 1, 2, 3, 4], 9, false));
        let news = ring.since(8).unwrap();
        assert_eq!((ids(&news), news.position), (vec![3, 4], 9));
        assert!(ring.since(9).unwrap().messages.is_empty());
        for unknown in [6, 10] {
            let news = ring.since(unknown).unwrap();
            assert!(news.is_cut && news.messages.is_empty() && news.position == 9, "{news:?}");
        }
    }

    #[test]
    fn it_keeps_a_bounded_number_of_rows() {
        let mut ring = Ring::default();
        for number in 0..100_u128 {
            ring.push(i64::try_from(number).unwrap(), message(number * 200..number * 200 + 200));
        }
        assert_eq!(ring.ids.len(), MAX_ROWS);
        assert_eq!(ring.messages.len(), 25);
        assert_eq!(ring.begin, 75);
        assert!(ring.since(74).unwrap().is_cut && !ring.since(75).unwrap().is_cut);
    }

    #[test]
    fn a_topic_that_was_made_anew_begins_again() {
        let mut ring = Ring::default();
        ring.push(500, message(0..3));
        ring.push(0, message(0..2));
        assert_eq!(ids(&ring.since(0).unwrap()), [0, 1]);
        assert!(ring.since(501).unwrap().is_cut);
    }
}
