//! Which events the tables have.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use uuid::Uuid;

use crate::decode::Placed;
use crate::presence::{among, among_uuids, in_ranges, ranges};
use crate::rows::{Known, Origin};
use crate::store::{Found, ORIGIN_COLUMNS, Store, StoreError};

#[derive(clickhouse::Row, Deserialize)]
struct FoundRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    time_ms: i64,
    n: u64,
    newest: u32,
}

#[derive(clickhouse::Row, Deserialize)]
struct FoundState {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    place: String,
    state: String,
}

/// The rows of a table by id and time: how many there are, and the newest version.
#[derive(Debug, Default)]
pub(super) struct Keys(HashMap<(Uuid, i64), (u64, u32)>);

/// The newest states of parked events, by id and place.
#[derive(Debug, Default)]
pub(super) struct ParkedStates(HashMap<Uuid, Vec<(String, String)>>);

impl Keys {
    pub(super) fn has(&self, key: (Uuid, i64)) -> bool {
        self.0.contains_key(&key)
    }

    /// Takes one of the rows of a key. False if none is left.
    pub(super) fn take(&mut self, key: (Uuid, i64)) -> bool {
        match self.0.get_mut(&key) {
            Some((n, _)) if *n > 0 => {
                *n -= 1;
                true
            }
            _ => false,
        }
    }

    /// The newest version of a key's rows.
    pub(super) fn version(&self, key: (Uuid, i64)) -> u32 {
        self.0.get(&key).map_or(0, |(_, version)| *version)
    }
}

impl ParkedStates {
    /// Whether an event waits, or was ended while it waited.
    pub(super) fn is_kept(&self, id: Uuid, placed: &Placed) -> bool {
        self.0.get(&id).is_some_and(|states| {
            let place = placed.place();
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
        table: &str,
        id: &str,
        keys: &[(Uuid, i64)],
    ) -> Result<Keys, StoreError> {
        if keys.is_empty() {
            return Ok(Keys::default());
        }
        let sql = format!(
            "SELECT {id} AS id, toUnixTimestamp64Milli(time) AS time_ms, count() AS n, max(version) AS newest \
             FROM {table} WHERE ({}) AND {} GROUP BY id, time_ms",
            in_ranges("time", &ranges(keys.iter().map(|(_, time)| *time))),
            among(id, keys.iter().map(|(id, _)| *id))
        );
        let found = self.look(&sql).fetch_all::<FoundRow>().await?;
        Ok(Keys(found.into_iter().map(|row| ((row.id, row.time_ms), (row.n, row.newest))).collect()))
    }

    /// What orders take from these prospects. Also finds those that the index lacks, which takes
    /// longer.
    pub(super) async fn origins(&self, ids: &BTreeSet<Uuid>) -> Result<Known, StoreError> {
        let mut known = self.find_prospects(ids).await?;
        let mut rest = ids.iter().filter(|id| !known.contains_key(*id)).copied().peekable();
        if rest.peek().is_some() {
            let sql = format!(
                "SELECT {ORIGIN_COLUMNS} FROM prospects WHERE {} ORDER BY time LIMIT 1 BY prospect_id",
                among("prospect_id", rest)
            );
            let found = self.look(&sql).fetch_all::<Found>().await?;
            known.extend(found.into_iter().map(<(Uuid, Origin)>::from));
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
        for found in self.look(&sql).fetch_all::<FoundState>().await? {
            states.0.entry(found.event_id).or_default().push((found.place, found.state));
        }
        Ok(states)
    }
}
