//! Queries ClickHouse for the events that the tables have.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use uuid::Uuid;

use crate::decode::LocatedEvent;
use crate::owner::{Inherited, Known};
use crate::presence::{KeyColumns, RowCounts, RowKey};
use crate::sql::{among, among_uuids};
use crate::store::{Store, StoreError};
use crate::stored::TIME_MS;
use crate::stored_prospects::{INHERITED_COLUMNS, InheritedRow};

#[derive(clickhouse::Row, Deserialize)]
struct StateRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    place: String,
    state: String,
}

/// The rows of a table by id and time.
#[derive(Debug, Default)]
pub(super) struct Keys(RowCounts);

/// The newest states of parked events, by id and place.
#[derive(Debug, Default)]
pub(super) struct ParkedStates(HashMap<Uuid, Vec<(String, String)>>);

impl Keys {
    pub(super) fn has(&self, key: (Uuid, i64)) -> bool {
        self.0.contains_key(&key)
    }

    /// Uses up one of the rows of a key. False if none is left.
    pub(super) fn use_up(&mut self, key: (Uuid, i64)) -> bool {
        match self.0.get_mut(&key) {
            Some(count) if count.n > 0 => {
                count.n -= 1;
                true
            }
            _ => false,
        }
    }

    /// The newest version of a key's rows.
    pub(super) fn version(&self, key: (Uuid, i64)) -> u32 {
        self.0.get(&key).map_or(0, |count| count.newest)
    }
}

impl ParkedStates {
    /// Whether an event waits, or was ended while it waited.
    pub(super) fn is_kept(&self, id: Uuid, located: &LocatedEvent) -> bool {
        self.0.get(&id).is_some_and(|states| {
            let place = located.place();
            states.iter().any(|(found, state)| *found == place && state != "replayed")
        })
    }

    /// Whether there is a state of the event at this place.
    pub(super) fn has(&self, id: Uuid, place: &str) -> bool {
        self.0.get(&id).is_some_and(|states| states.iter().any(|(found, _)| found == place))
    }

    /// Whether an event of this id was ever parked.
    pub(super) fn knows(&self, id: Uuid) -> bool {
        self.0.contains_key(&id)
    }
}

impl Store {
    /// The rows of a table with these ids and times.
    pub(super) async fn there(
        &self,
        table: &'static str,
        id: &'static str,
        keys: &[(Uuid, i64)],
    ) -> Result<Keys, StoreError> {
        let key = |(id, time_ms): &(Uuid, i64)| RowKey { id: *id, number: *time_ms, time_ms: Some(*time_ms) };
        let mut keys: Vec<RowKey> = keys.iter().map(key).collect();
        keys.sort_by_key(|key| key.time_ms);
        let columns = KeyColumns { table, id, number: TIME_MS, time: Some("time"), version: "version" };
        Ok(Keys(self.count_rows(&columns, &keys).await?))
    }

    /// The facts that orders inherit from these prospects. Also finds prospects that the index
    /// lacks, which takes longer.
    pub(super) async fn origins(&self, ids: &BTreeSet<Uuid>) -> Result<Known, StoreError> {
        let mut known = self.find_prospects(ids).await?;
        let mut rest = ids.iter().filter(|id| !known.contains_key(*id)).copied().peekable();
        if rest.peek().is_some() {
            let sql = format!(
                "SELECT {INHERITED_COLUMNS} FROM prospects WHERE {} ORDER BY time LIMIT 1 BY prospect_id",
                among("prospect_id", rest)
            );
            let found = self.query_with_ids(&sql).fetch_all::<InheritedRow>().await?;
            known.extend(found.into_iter().map(<(Uuid, Inherited)>::from));
        }
        Ok(known)
    }

    /// The states of parked events with these ids.
    pub(super) async fn parked_states(&self, ids: &BTreeSet<Uuid>) -> Result<ParkedStates, StoreError> {
        let mut states = ParkedStates::default();
        if ids.is_empty() {
            return Ok(states);
        }
        let sql = format!(
            "SELECT event_id, place, toString(state) AS state FROM parked_log FINAL WHERE {}",
            among_uuids("event_id", ids.iter().copied())
        );
        for found in self.query_with_ids(&sql).fetch_all::<StateRow>().await? {
            states.0.entry(found.event_id).or_default().push((found.place, found.state));
        }
        Ok(states)
    }
}
