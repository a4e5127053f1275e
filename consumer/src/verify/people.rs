//! The changes that people have made to an event. A repair must not bring back rows that they
//! deleted, erased or edited.
//!
//! There are two sources: the table `changes`, and the topic of changes as far as Kafka still has
//! it. Only the table has the outcomes. Only the topic has the fields that were set, and it has not
//! lost a row.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use sluice_schemas::change::{APPLIED, Act, Entity, read_change};
use sluice_schemas::contact;
use uuid::Uuid;

use crate::commit::Place;
use crate::config::KafkaConfig;
use crate::sql::among;
use crate::store::{Store, StoreError};
use crate::topic::Topic;
use crate::verify::log::{Reader, Span, spans};
use crate::verify::stopped::RepairError;

/// Edges may be this far behind Kafka's clock.
const CLOCK_MS: i64 = 3_600_000;

#[derive(clickhouse::Row, Deserialize)]
struct ChangeOutcomeRow {
    #[serde(with = "clickhouse::serde::uuid")]
    change_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    entity_id: Uuid,
    entity: String,
    act: String,
    outcome: String,
}

/// An act of a person on one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PersonAct {
    entity: Entity,
    act: Act,
    is_applied: bool,
}

/// A change in the topic.
#[derive(Debug, Clone, Copy)]
struct TopicChange {
    change_id: Uuid,
    entity: Entity,
    act: Act,
    sets_contact: bool,
}

/// Whether an order's contact may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    Allowed,
    /// A person erased or edited it.
    Ended,
    /// The order was changed, and it is no longer known in which fields.
    Unknown,
}

/// The changes in the topic.
#[derive(Debug, Default)]
struct ChangeLog {
    told: HashMap<Uuid, Vec<TopicChange>>,
    /// The topic has every change since this time (Unix milliseconds).
    complete_since_ms: i64,
}

/// The changes of the loaded events.
pub(super) struct People<'a> {
    store: &'a Store,
    log: ChangeLog,
    deeds: HashMap<Uuid, Vec<PersonAct>>,
}

impl<'a> People<'a> {
    /// Reads the topic of changes.
    pub(super) async fn listen(
        store: &'a Store,
        kafka: &KafkaConfig,
        places: &BTreeMap<i32, Place>,
    ) -> Result<Self, RepairError> {
        let mut log = ChangeLog::default();
        for span in spans(kafka, Topic::Changes, None, places).await? {
            log.read(kafka, &span).await?;
        }
        Ok(Self { store, log, deeds: HashMap::new() })
    }

    /// Loads the changes of these events, in place of those that were loaded before.
    pub(super) async fn ask(&mut self, ids: &BTreeSet<Uuid>) -> Result<(), StoreError> {
        let mut found: HashMap<Uuid, ChangeOutcomeRow> = HashMap::new();
        for change in self.store.changes_of(ids).await? {
            found.insert(change.change_id, change);
        }
        self.deeds.clear();
        // A change that the table has lost counts as applied.
        for (id, told) in ids.iter().filter_map(|id| Some((id, self.log.told.get(id)?))) {
            let unknown = told.iter().filter(|told| !found.contains_key(&told.change_id));
            let deeds =
                unknown.map(|told| PersonAct { entity: told.entity, act: told.act, is_applied: true });
            self.deeds.entry(*id).or_default().extend(deeds);
        }
        for change in found.values() {
            self.deeds.entry(change.entity_id).or_default().extend(change.deed());
        }
        Ok(())
    }

    /// Whether somebody deleted it.
    pub(super) fn is_deleted(&self, entity: Entity, id: Uuid) -> bool {
        self.any(id, |deed| deed.entity == entity && deed.act == Act::Delete && deed.is_applied)
    }

    /// Whether somebody edited it.
    pub(super) fn is_edited(&self, entity: Entity, id: Uuid) -> bool {
        self.any(id, |deed| deed.entity == entity && deed.act == Act::Update && deed.is_applied)
    }

    /// Whether somebody erased an order's customer. A change reaches a parked order even if it is
    /// refused.
    pub(super) fn is_erased(&self, id: Uuid, was_parked: bool) -> bool {
        self.any(id, |deed| {
            deed.entity == Entity::Order
                && matches!(deed.act, Act::Erase | Act::Delete)
                && (deed.is_applied || was_parked)
        })
    }

    /// Whether the contact of an order may be written. The version is that of its row.
    pub(super) fn contact(&self, id: Uuid, was_parked: bool, version: u32, time_ms: i64) -> Contact {
        let sets_contact = |told: &TopicChange| told.entity == Entity::Order && told.sets_contact;
        if self.is_erased(id, was_parked)
            || self.log.told.get(&id).is_some_and(|told| told.iter().any(sets_contact))
        {
            Contact::Ended
        } else if version > 0 && time_ms - CLOCK_MS < self.log.complete_since_ms {
            Contact::Unknown
        } else {
            Contact::Allowed
        }
    }

    fn any(&self, id: Uuid, is_it: impl Fn(&PersonAct) -> bool) -> bool {
        self.deeds.get(&id).is_some_and(|deeds| deeds.iter().any(is_it))
    }
}

impl ChangeLog {
    async fn read(&mut self, kafka: &KafkaConfig, span: &Span) -> Result<(), RepairError> {
        let mut reader = Reader::open(kafka, Topic::Changes, span)?;
        // If the topic is cut, its first record tells since when it is complete.
        let mut complete_since_ms = span.is_cut.then_some(i64::MAX);
        loop {
            let records = reader.next_run().await?;
            let Some(first) = records.first() else { break };
            if complete_since_ms == Some(i64::MAX) {
                complete_since_ms = Some(first.timestamp_ms);
            }
            for record in &records {
                let Ok(change) = read_change(record.schema.as_deref(), &record.value) else { continue };
                let sets_contact = contact::FIELDS.iter().any(|name| change.field(name).is_some());
                let (entity, act) = (change.entity(), change.act());
                let told = TopicChange { change_id: change.change_id(), entity, act, sets_contact };
                self.told.entry(change.target()).or_default().push(told);
            }
        }
        self.complete_since_ms = self.complete_since_ms.max(complete_since_ms.unwrap_or_default());
        Ok(())
    }
}

impl ChangeOutcomeRow {
    fn deed(&self) -> Option<PersonAct> {
        let entity = match self.entity.as_str() {
            "prospect" => Entity::Prospect,
            "order" => Entity::Order,
            _ => return None,
        };
        let act = match self.act.as_str() {
            "update" => Act::Update,
            "delete" => Act::Delete,
            "erase" => Act::Erase,
            _ => return None,
        };
        Some(PersonAct { entity, act, is_applied: self.outcome == APPLIED })
    }
}

impl Store {
    async fn changes_of(&self, ids: &BTreeSet<Uuid>) -> Result<Vec<ChangeOutcomeRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT change_id, entity_id, toString(entity) AS entity, toString(act) AS act, \
             toString(outcome) AS outcome FROM changes WHERE {}",
            among("entity_id", ids.iter().copied())
        );
        Ok(self.query_with_ids(&sql).fetch_all().await?)
    }
}
