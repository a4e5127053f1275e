//! Asks ClickHouse which rows are there, of a batch in doubt or for a repair. One bounded query for
//! each part of a batch.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use uuid::Uuid;

use crate::sql::{among, among_texts, among_uuids, in_ranges, ranges};
use crate::store::{Store, StoreError};
use crate::stored::{Identity, Proof, Stored};

/// The ids of one query: 32 bytes of text each.
const N_IDS_A_QUERY: usize = 50_000;

/// The columns or expressions by which the rows of a table are recognised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyColumns {
    pub(crate) table: &'static str,
    pub(crate) id: &'static str,
    /// An `Int64`.
    pub(crate) number: &'static str,
    pub(crate) time: Option<&'static str>,
    /// A `UInt32`, of which the greatest is found.
    pub(crate) version: &'static str,
}

/// The key of a row, and its time (Unix milliseconds) if the table has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowKey {
    pub(crate) id: Uuid,
    pub(crate) number: i64,
    pub(crate) time_ms: Option<i64>,
}

/// The number of rows with a key, and their newest version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowCount {
    pub(crate) n: u64,
    pub(crate) newest: u32,
}

/// The rows of a table, by id and number.
pub(crate) type RowCounts = HashMap<(Uuid, i64), RowCount>;

#[derive(clickhouse::Row, Deserialize)]
struct CountRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    number: i64,
    n: u64,
    newest: u32,
}

#[derive(clickhouse::Row, Deserialize)]
struct VersionRow {
    key: String,
    version: u64,
}

impl Store {
    /// Finds those of these rows, all of one part, that are not in their table. Counts equal rows:
    /// of three rows of which two are there it returns one.
    pub async fn missing<'a, R: Stored>(&self, rows: &[&'a R]) -> Result<Vec<&'a R>, StoreError> {
        match R::TABLE.proof {
            Proof::Rows { .. } => self.missing_rows(rows).await,
            Proof::Versions { .. } => self.missing_versions(rows).await,
            Proof::Marker { time, key } => {
                let is_there = self.is_marked(R::TABLE.name, time, key, rows).await?;
                Ok(if is_there { Vec::new() } else { rows.to_vec() })
            }
        }
    }

    async fn missing_rows<'a, R: Stored>(&self, rows: &[&'a R]) -> Result<Vec<&'a R>, StoreError> {
        let Proof::Rows { id, number, time } = R::TABLE.proof else { return Ok(Vec::new()) };
        // In the order of their times, so that each query looks at a slice of the table.
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.time_ms());
        let keys = rows.iter().filter_map(|row| match row.identity() {
            Identity::Row { id, number } => Some(RowKey { id, number, time_ms: row.time_ms() }),
            _ => None,
        });
        let keys: Vec<_> = keys.collect();
        let columns = KeyColumns { table: R::TABLE.name, id, number, time, version: "toUInt32(0)" };
        let mut counts = self.count_rows(&columns, &keys).await?;
        rows.retain(|row| {
            let Identity::Row { id, number } = row.identity() else { return true };
            match counts.get_mut(&(id, number)) {
                Some(count) if count.n > 0 => {
                    count.n -= 1;
                    false
                }
                _ => true,
            }
        });
        Ok(rows)
    }

    /// Counts the rows that have one of these keys, which are sorted by time.
    pub(crate) async fn count_rows(
        &self,
        columns: &KeyColumns,
        keys: &[RowKey],
    ) -> Result<RowCounts, StoreError> {
        let KeyColumns { table, id, number, time, version } = columns;
        let mut counts = RowCounts::new();
        for keys in keys.chunks(N_IDS_A_QUERY) {
            let wanted: BTreeSet<(Uuid, i64)> = keys.iter().map(|key| (key.id, key.number)).collect();
            let times = match time {
                Some(column) => in_ranges(column, &ranges(keys.iter().filter_map(|key| key.time_ms))),
                None => "true".to_owned(),
            };
            let sql = format!(
                "SELECT {id} AS id, {number} AS number, count() AS n, max({version}) AS newest \
                 FROM {table} WHERE ({times}) AND {} GROUP BY id, number",
                among(id, keys.iter().map(|key| key.id))
            );
            for row in self.query_with_ids(&sql).fetch_all::<CountRow>().await? {
                // Two queries whose slices touch may both find a row.
                if wanted.contains(&(row.id, row.number)) {
                    counts.insert((row.id, row.number), RowCount { n: row.n, newest: row.newest });
                }
            }
        }
        Ok(counts)
    }

    async fn missing_versions<'a, R: Stored>(&self, rows: &[&'a R]) -> Result<Vec<&'a R>, StoreError> {
        let Proof::Versions { key, version, id } = R::TABLE.proof else { return Ok(Vec::new()) };
        let mut found: HashMap<String, u64> = HashMap::new();
        for rows in rows.chunks(N_IDS_A_QUERY) {
            let wanted = rows.iter().filter_map(|row| match row.identity() {
                Identity::Version { key, id, .. } => Some((key, id)),
                _ => None,
            });
            let condition = match id {
                Some(id) => among_uuids(id, wanted.map(|(_, id)| id)),
                None => among_texts(key, wanted.map(|(key, _)| key)),
            };
            let table = R::TABLE.name;
            let sql = format!(
                "SELECT key, max(number) AS version FROM \
                 (SELECT {key} AS key, toUInt64({version}) AS number FROM {table} WHERE {condition}) GROUP BY key"
            );
            let rows = self.query_with_ids(&sql).fetch_all::<VersionRow>().await?;
            found.extend(rows.into_iter().map(|row| (row.key, row.version)));
        }
        let is_missing = |row: &&R| match row.identity() {
            Identity::Version { key, version, .. } => found.get(key).is_none_or(|found| *found < version),
            _ => true,
        };
        Ok(rows.iter().copied().filter(is_missing).collect())
    }

    async fn is_marked<R: Stored>(
        &self,
        table: &str,
        time: &str,
        key: fn(Uuid) -> String,
        rows: &[&R],
    ) -> Result<bool, StoreError> {
        let marker = rows.iter().find_map(|row| match row.identity() {
            Identity::Marker { batch, at } => Some((batch, at)),
            _ => None,
        });
        let Some((batch, at)) = marker else { return Ok(false) };
        let sql = format!(
            "SELECT count() FROM {table} WHERE {time} = toDateTime({at}, 'UTC') AND {} AND batch = toUUID('{batch}')",
            key(batch)
        );
        Ok(self.query_with_ids(&sql).fetch_one::<u64>().await? > 0)
    }

    /// Whether an insert with this token is still running: a try that was given up.
    pub async fn is_inserting(&self, token: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count() FROM system.processes \
                   WHERE Settings['insert_deduplication_token'] = {token:String}";
        Ok(self.client().query(sql).param("token", token).fetch_one::<u64>().await? > 0)
    }
}
