//! Sends edits and deletions of events through Kafka to the consumer, which applies each once and
//! in order. The response waits a moment for the result.
//!
//! Invariant: a change with a successful response is in the audit trail, and in Kafka on all
//! in-sync replicas.

use std::sync::OnceLock;
use std::time::Duration;

use clickhouse::Client;
use prost::Message as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use sluice_runtime::kafka;
use sluice_schemas::change::{
    APPLIED, Act, CHANGED_SINCE, Change, Entity, MISSING, SCHEMA_HEADER, SCHEMA_VERSION,
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::KafkaConfig;
use crate::db::changes::outcome;

/// The longest time for sending a change to Kafka.
const SEND_PATIENCE: Duration = Duration::from_secs(5);
/// The longest time that a response waits for a change. A quarter of a second is usually enough.
const APPLY_PATIENCE: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// The Kafka producer. Connects on first use.
pub struct EventEdits {
    config: KafkaConfig,
    producer: OnceLock<FutureProducer>,
}

/// An edit or deletion of an event.
#[derive(Debug, Clone)]
pub struct Edit {
    pub entity: Entity,
    pub id: Uuid,
    /// The Kafka key. Edits of an order and of its prospect share it, so that they stay in order.
    pub prospect_id: Uuid,
    pub act: Act,
    pub fields: Vec<(&'static str, String)>,
    pub reason: String,
    /// The version in `If-Match`.
    pub expected_version: Option<u32>,
}

/// The state of a change when the response is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The next response shows it.
    Applied,
    /// It is stored and will be applied.
    OnItsWay,
}

/// The reason why a change was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmitError {
    /// Kafka did not take it.
    Unavailable,
    /// The producer cannot be made.
    Broken(KafkaError),
    /// The thing has gone.
    Missing,
    /// The thing has another version than the client read.
    ChangedSince,
    /// The thing changed meanwhile, for this reason.
    Refused(String),
}

impl EventEdits {
    /// Creates a producer for the configured topic.
    #[must_use]
    pub fn new(config: &KafkaConfig) -> Self {
        Self { config: config.clone(), producer: OnceLock::new() }
    }

    fn producer(&self) -> KafkaResult<&FutureProducer> {
        if let Some(producer) = self.producer.get() {
            return Ok(producer);
        }
        let producer = kafka::producer(&self.config.brokers, "sluice-api")
            .set("message.timeout.ms", SEND_PATIENCE.as_millis().to_string())
            .create()?;
        Ok(self.producer.get_or_init(|| producer))
    }

    async fn send(&self, key: &str, change: &Change) -> Result<(), SubmitError> {
        let value = change.encode_to_vec();
        let version = SCHEMA_VERSION.to_string();
        let headers = OwnedHeaders::new().insert(Header { key: SCHEMA_HEADER, value: Some(&version) });
        let record = FutureRecord::to(&self.config.changes_topic).key(key).payload(&value).headers(headers);
        let producer = self.producer().map_err(SubmitError::Broken)?;
        producer.send(record, SEND_PATIENCE).await.map(drop).map_err(|(error, _)| {
            tracing::warn!(%error, "kafka is not available");
            SubmitError::Unavailable
        })
    }

    /// Sends a change and waits a moment for it to be applied.
    ///
    /// # Errors
    /// When Kafka does not take it, and when the thing has gone or changed meanwhile.
    pub async fn submit(
        &self,
        clickhouse: &Client,
        time_ms: u64,
        actor_id: i64,
        edit: Edit,
    ) -> Result<Progress, SubmitError> {
        let id = Uuid::now_v7();
        let change = Change {
            id: id.into_bytes().to_vec().into(),
            time_ms,
            actor_id: actor_id.unsigned_abs(),
            entity: edit.entity.into(),
            entity_id: edit.id.into_bytes().to_vec().into(),
            act: edit.act.into(),
            fields: edit.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            reason: edit.reason,
            expected_version: edit.expected_version,
        };
        self.send(&edit.prospect_id.to_string(), &change).await?;
        let sent = Instant::now();
        loop {
            // Kafka has the change, so an error of ClickHouse here is no failure.
            let found = outcome(clickhouse, id).await.unwrap_or_default();
            if let Some(row) = found {
                return match row.outcome.as_str() {
                    APPLIED => Ok(Progress::Applied),
                    MISSING => Err(SubmitError::Missing),
                    _ if row.reason == CHANGED_SINCE => Err(SubmitError::ChangedSince),
                    _ => Err(SubmitError::Refused(row.reason)),
                };
            }
            if sent.elapsed() >= APPLY_PATIENCE {
                return Ok(Progress::OnItsWay);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
