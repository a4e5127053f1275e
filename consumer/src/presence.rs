//! ClickHouse, asked which rows of a batch are there. Asked only in doubt: one bounded query for each part of a batch.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::Deserialize;
use uuid::Uuid;

use crate::store::{Store, StoreError};
use crate::stored::{Identity, Proof, Stored};

/// The ids of one query: 32 bytes of text each.
const N_IDS_A_QUERY: usize = 50_000;
/// Times that lie further apart than this are looked for apart.
const GAP_MS: i64 = 10 * 60 * 1000;
/// Above this a query looks at all times between the first and the last.
const MAX_RANGES: usize = 20;

#[derive(clickhouse::Row, Deserialize)]
struct FoundRow {
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    number: i64,
    n: u64,
}

#[derive(clickhouse::Row, Deserialize)]
struct FoundVersion {
    key: String,
    version: u64,
}

impl Store {
    /// Which of these rows, all of one part, are not in their table. Counts rows that are alike: of three where two are there
    /// it gives one.
    ///
    /// # Errors
    /// [`StoreError`].
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
        let mut found: HashMap<(Uuid, i64), u64> = HashMap::new();
        let ids = rows.iter().filter_map(|row| match row.identity() {
            Identity::Row { id, number } => Some((id, number, row.time_ms())),
            _ => None,
        });
        let ids: Vec<_> = ids.collect();
        for ids in ids.chunks(N_IDS_A_QUERY) {
            let wanted: BTreeSet<(Uuid, i64)> = ids.iter().map(|(id, number, _)| (*id, *number)).collect();
            let times = match time {
                Some(column) => in_ranges(column, &ranges(ids.iter().filter_map(|(.., time)| *time))),
                None => "true".to_owned(),
            };
            let sql = format!(
                "SELECT {id} AS id, {number} AS number, count() AS n FROM {} WHERE ({times}) AND {} GROUP BY id, number",
                R::TABLE.name,
                among(id, ids.iter().map(|(id, ..)| *id))
            );
            for row in self.look(&sql).fetch_all::<FoundRow>().await? {
                let key = (row.id, row.number);
                // A row can be found by two queries whose slices touch.
                if wanted.contains(&key) {
                    found.insert(key, row.n);
                }
            }
        }
        rows.retain(|row| {
            let Identity::Row { id, number } = row.identity() else { return true };
            match found.get_mut(&(id, number)) {
                Some(n) if *n > 0 => {
                    *n -= 1;
                    false
                }
                _ => true,
            }
        });
        Ok(rows)
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
            let rows = self.look(&sql).fetch_all::<FoundVersion>().await?;
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
        self.look(&sql).fetch_one::<u64>().await.map(|n| n > 0)
    }

    /// Whether an insert with this token is still running: a try that was given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_inserting(&self, token: &str) -> Result<bool, StoreError> {
        let sql = "SELECT count() FROM system.processes \
                   WHERE Settings['insert_deduplication_token'] = {token:String}";
        self.client().query(sql).param("token", token).fetch_one::<u64>().await.map(|n| n > 0)
    }

    /// A question with many ids in it.
    pub(crate) fn look(&self, sql: &str) -> clickhouse::query::Query {
        // The ids make a long statement, which the server's log need not keep.
        let query = self.client().query(sql);
        query.with_setting("max_query_size", "16777216").with_setting("log_queries", "0")
    }
}

/// A condition that a column, as a number, is one of these ids: for tables that are sorted by that number, or by time.
pub(crate) fn among(column: &str, ids: impl Iterator<Item = Uuid>) -> String {
    let ids = unpacked("reinterpretAsUInt128", ids.map(|id| id.as_u128().to_le_bytes()));
    format!("toUInt128({column}) IN ({ids})")
}

/// The same for a table that is sorted by the column itself.
pub(crate) fn among_uuids(column: &str, ids: impl Iterator<Item = Uuid>) -> String {
    // ClickHouse keeps the two halves of a UUID, each as a number.
    let bytes = |id: Uuid| {
        let (high, low) = id.as_u64_pair();
        ((u128::from(low) << 64) | u128::from(high)).to_le_bytes()
    };
    format!("{column} IN ({})", unpacked("reinterpretAsUUID", ids.map(bytes)))
}

/// A list of ids as one text, which ClickHouse reads a hundred times faster than a list of literals.
fn unpacked(read: &str, ids: impl Iterator<Item = [u8; 16]>) -> String {
    let (mut hex, mut n_ids) = (String::new(), 0);
    for id in ids {
        for byte in id {
            // Writing to a string does not fail.
            write!(hex, "{byte:02x}").ok();
        }
        n_ids += 1;
    }
    format!(
        "WITH unhex('{hex}') AS bytes \
         SELECT {read}(substring(bytes, number * 16 + 1, 16)) FROM numbers({n_ids})"
    )
}

fn among_texts<'a>(column: &str, texts: impl Iterator<Item = &'a str>) -> String {
    let mut list = String::new();
    for text in texts {
        let comma = if list.is_empty() { "" } else { ", " };
        write!(list, "{comma}unhex('").ok();
        for byte in text.bytes() {
            write!(list, "{byte:02x}").ok();
        }
        list.push_str("')");
    }
    format!("{column} IN ({list})")
}

/// The few ranges in which these times lie.
pub(crate) fn ranges(times: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for time in times {
        match ranges.last_mut() {
            Some((_, last)) if time - *last <= GAP_MS => *last = time,
            _ => ranges.push((time, time)),
        }
    }
    match (ranges.first(), ranges.last()) {
        (Some((first, _)), Some((_, last))) if ranges.len() > MAX_RANGES => vec![(*first, *last)],
        _ => ranges,
    }
}

/// A condition that a column of times lies in one of these ranges.
pub(crate) fn in_ranges(column: &str, ranges: &[(i64, i64)]) -> String {
    let range = |(first, last): &(i64, i64)| {
        format!(
            "{column} BETWEEN fromUnixTimestamp64Milli({first}, 'UTC') AND fromUnixTimestamp64Milli({last}, 'UTC')"
        )
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_looked_for_where_they_lie() {
        assert_eq!(ranges([5, GAP_MS, 3 * GAP_MS, 7].into_iter()), [(5, GAP_MS), (3 * GAP_MS, 3 * GAP_MS)]);
        let apart = (0..=20).map(|n| n * 2 * GAP_MS);
        assert_eq!(ranges(apart), [(0, 40 * GAP_MS)]);
        assert_eq!(ranges(std::iter::empty()), []);
    }
}
