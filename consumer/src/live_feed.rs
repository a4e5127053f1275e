//! Shows a sample of the stored events to `/live/`, by the topic `sluice.live`
//! ([why](../../docs/adr/0012-a-sample-for-the-live-page.md)).
//!
//! Invariants: only events whose batch is committed are shown; nothing here waits or fails, so the
//! way of a batch is the same with and without it; a message has a bounded size at any rate.

use std::sync::Arc;

use foldhash::HashMap;
use prometheus_client::metrics::counter::Counter;
use rdkafka::ClientContext;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use sluice_runtime::kafka;
use sluice_schemas::live::{LeftOut, LiveMessage, LiveRow, PARTITION};

use crate::config::KafkaConfig;
use crate::metrics::Metrics;
use crate::rows::Rows;

/// The most visits, and the most orders, of a buyer in one message.
const MAX_OF_BUYER: usize = 20;
/// The most orders in one message. Visits fill the rest.
const MAX_ORDERS: usize = 100;
const MAX_ROWS: usize = 200;
/// The most owners whose omitted events are counted apart. Those of the others count as nobody's,
/// which only viewers of all events see.
const MAX_OWNERS: usize = 500;

/// The way to `/live/`. Cheap to clone.
#[derive(Clone)]
pub struct LiveFeed(Option<Arc<Feed>>);

struct Feed {
    producer: ThreadedProducer<Failures>,
    topic: String,
    events: Counter,
    failures: Counter,
}

/// Counts the messages that Kafka did not take.
struct Failures(Counter);

impl ClientContext for Failures {}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.0.inc();
        }
    }
}

impl LiveFeed {
    /// Creates the producer. Kafka itself need not be there yet. Without a topic nothing is shown.
    ///
    /// # Errors
    /// If librdkafka refuses its configuration.
    pub fn new(config: &KafkaConfig, metrics: &Metrics) -> KafkaResult<Self> {
        if config.live_topic.is_empty() {
            return Ok(Self(None));
        }
        let mut client = kafka::client(&config.brokers, "sluice-consumer-live");
        client
            .set("acks", "1")
            .set("linger.ms", "0")
            .set("compression.type", "lz4")
            // While Kafka is away, a message is given up before it is of no interest any more.
            .set("message.timeout.ms", "5000")
            .set("queue.buffering.max.messages", "1000")
            .set("queue.buffering.max.kbytes", "16384");
        let producer = client.create_with_context(Failures(metrics.live.failures.clone()))?;
        Ok(Self(Some(Arc::new(Feed {
            producer,
            topic: config.live_topic.clone(),
            events: metrics.live.events.clone(),
            failures: metrics.live.failures.clone(),
        }))))
    }

    /// Shows the newest events of a batch that is stored.
    pub(crate) fn show(&self, rows: &Rows) {
        let Some(feed) = &self.0 else { return };
        if rows.prospects.is_empty() && rows.orders.is_empty() {
            return;
        }
        let message = message(rows);
        let Ok(payload) = serde_json::to_vec(&message) else { return };
        let record = BaseRecord::<(), _>::to(&feed.topic).partition(PARTITION).payload(&payload);
        match feed.producer.send(record) {
            Ok(()) => {
                feed.events.inc_by(message.rows.len() as u64);
            }
            // The queue is full.
            Err(_) => {
                feed.failures.inc();
            }
        }
    }
}

/// Makes the message of a batch.
fn message(rows: &Rows) -> LiveMessage {
    let mut sample = Sample::default();
    let orders = rows.orders.iter().map(|row| (row.user_id, row.team_id, row.time, row));
    sample.add(orders, MAX_ORDERS);
    let visits = rows.prospects.iter().map(|row| (row.user_id, row.team_id, row.time, row));
    sample.add(visits, MAX_ROWS);
    sample.rows.sort_by_key(|row| std::cmp::Reverse(row.time_ms));
    LiveMessage { rows: sample.rows, left_out: left_out(sample.left_out) }
}

#[derive(Default)]
struct Sample {
    rows: Vec<LiveRow>,
    /// By buyer and team.
    left_out: HashMap<(u64, u64), LeftOut>,
}

impl Sample {
    /// Adds events of one kind, the last ones first, up to this number of rows.
    fn add<T>(&mut self, rows: impl DoubleEndedIterator<Item = (u64, u64, i64, T)>, max_rows: usize)
    where
        LiveRow: From<T>,
    {
        let mut of_buyer = HashMap::<u64, usize>::default();
        for (user_id, team_id, time_ms, row) in rows.rev() {
            let n_rows = of_buyer.entry(user_id).or_default();
            if self.rows.len() < max_rows && *n_rows < MAX_OF_BUYER {
                *n_rows += 1;
                self.rows.push(LiveRow::from(row));
            } else {
                let left_out = self.left_out.entry((user_id, team_id)).or_default();
                let time_ms = left_out.time_ms.max(time_ms);
                *left_out = LeftOut { user_id, team_id, time_ms, count: left_out.count + 1 };
            }
        }
    }
}

/// Bounds the number of owners.
fn left_out(counts: HashMap<(u64, u64), LeftOut>) -> Vec<LeftOut> {
    let mut counts: Vec<LeftOut> = counts.into_values().collect();
    counts.sort_unstable_by_key(|left| (std::cmp::Reverse(left.count), left.user_id, left.team_id));
    if counts.len() > MAX_OWNERS {
        let others = counts.split_off(MAX_OWNERS);
        let time_ms = others.iter().map(|left| left.time_ms).max().unwrap_or_default();
        let count = others.iter().map(|left| left.count).sum();
        counts.push(LeftOut { time_ms, count, ..LeftOut::default() });
    }
    counts
}

#[cfg(test)]
mod tests {
    use sluice_schemas::live::LiveKind;
    use sluice_schemas::rows::OrderRow;
    use uuid::Uuid;

    use super::*;

    fn order(user_id: u64, time: i64) -> OrderRow {
        OrderRow {
            order_id: Uuid::from_u128(time.unsigned_abs().into()),
            prospect_id: Uuid::nil(),
            time,
            user_id,
            team_id: 3,
            campaign_id: 0,
            status: "hold".to_owned(),
            status_text: String::new(),
            payout: 0,
            currency: String::new(),
            marks: Vec::new(),
            country: String::new(),
            device: String::new(),
            os: String::new(),
            browser: String::new(),
            bot: String::new(),
        }
    }

    #[test]
    fn a_message_has_the_newest_of_each_buyer_and_counts_the_rest() {
        let of = |user_id: u64, n: i64| (0..n).map(move |time| order(user_id, time));
        let mut rows = Rows::default();
        rows.orders.extend(of(1, 50).chain(of(2, 5)));
        let message = message(&rows);
        assert_eq!(message.rows.len(), MAX_OF_BUYER + 5);
        assert!(message.rows.iter().all(|row| row.kind == LiveKind::Order));
        assert_eq!((message.rows[0].user_id, message.rows[0].time_ms), (1, 49));
        let of_first = message.rows.iter().filter(|row| row.user_id == 1);
        assert_eq!(of_first.map(|row| row.time_ms).min(), Some(30));
        let left_out = LeftOut { user_id: 1, team_id: 3, time_ms: 29, count: 30 };
        assert_eq!(message.left_out, [left_out]);
    }

    #[test]
    fn a_message_is_bounded_for_any_number_of_buyers() {
        let mut rows = Rows::default();
        rows.orders.extend((0..5_000_u64).map(|number| order(number, 1_000 + number.cast_signed())));
        let message = message(&rows);
        assert_eq!(message.rows.len(), MAX_ORDERS);
        assert_eq!(message.left_out.len(), MAX_OWNERS + 1);
        let n_left_out: u64 = message.left_out.iter().map(|left| left.count).sum();
        assert_eq!(n_left_out, 4_900);
        let others = message.left_out[MAX_OWNERS];
        assert_eq!((others.user_id, others.team_id, others.count), (0, 0, 4_400));
        assert!(serde_json::to_vec(&message).unwrap().len() < 200_000);
    }
}
