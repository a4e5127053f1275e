//! Queries ClickHouse for parked events that an Owner has decided about, and for those that have
//! waited too long.

use sluice_schemas::rows::ParkedRow;
use uuid::Uuid;

use crate::directory::decisions::{Act, Decision, Decisions};
use crate::parked_queries::{MAX_REPLAYED, WAITING};
use crate::store::{Store, StoreError};
use crate::stored_prospects::N_IDS_A_QUERY;

/// Events that an Owner ignores. A deleted order is ignored by no decision, and never waits again.
const IGNORED: &str = "parked_log FINAL WHERE state = 'ignored' AND decision != 0 AND payload != '' \
                       AND partition = {partition:Int32}";

/// Bytes of keys in the URL of one query, which can be three times as many when they are escaped.
/// Servers take at least 64 KiB.
const MAX_KEY_BYTES: usize = 16 * 1024;

/// Divides decisions into runs whose keys fit into one query.
fn by_size<'a, 'd>(alike: &'a [(&'d str, &'d Decision)]) -> Vec<&'a [(&'d str, &'d Decision)]> {
    let (mut runs, mut begin, mut n_bytes) = (Vec::new(), 0, 0);
    for (index, (key, _)) in alike.iter().enumerate() {
        if n_bytes + key.len() > MAX_KEY_BYTES && index > begin {
            runs.push(&alike[begin..index]);
            (begin, n_bytes) = (index, 0);
        }
        // With the number beside it.
        n_bytes += key.len() + 20;
    }
    if begin < alike.len() {
        runs.push(&alike[begin..]);
    }
    runs
}

/// As `decisions::alike_key` makes it.
const ALIKE_KEY: &str = "concat(toString(reason), ' ', reference)";

impl Store {
    /// The waiting events of a partition that one of these decisions is about, the oldest first, at
    /// most [`MAX_REPLAYED`]. Leaves out events with a decision of their own to wait.
    pub(crate) async fn waiting_decided(
        &self,
        partition: i32,
        decisions: &Decisions,
        is_wanted: impl Fn(&Decision) -> bool,
    ) -> Result<Vec<ParkedRow>, StoreError> {
        let mut found = Vec::new();
        let alike: Vec<_> = decisions.alike().filter(|(_, decision)| is_wanted(decision)).collect();
        let waits = decisions.events().filter(|(_, decision)| decision.act == Act::Wait);
        let waits: Vec<u128> = waits.map(|(event_id, _)| event_id.as_u128()).collect();
        for alike in by_size(&alike) {
            let sql = format!(
                "SELECT ?fields FROM {WAITING} AND has({{keys:Array(String)}}, {ALIKE_KEY}) \
                 AND toUnixTimestamp64Milli(first_seen) \
                     < arrayElement({{befores:Array(Int64)}}, indexOf({{keys:Array(String)}}, {ALIKE_KEY})) \
                 AND NOT has({{waits:Array(UInt128)}}, toUInt128(event_id)) \
                 ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
            );
            let keys: Vec<&str> = alike.iter().map(|(key, _)| *key).collect();
            let befores: Vec<i64> = alike.iter().map(|(_, decision)| decision.before_ms).collect();
            let query = self.client().query(&sql).param("partition", partition).param("keys", keys);
            let query = query.param("befores", befores).param("waits", &waits);
            found.extend(query.param("limit", MAX_REPLAYED).fetch_all::<ParkedRow>().await?);
        }
        let events =
            decisions.events().filter(|(_, decision)| decision.act != Act::Wait && is_wanted(decision));
        let events: Vec<u128> = events.map(|(event_id, _)| event_id.as_u128()).collect();
        for events in events.chunks(N_IDS_A_QUERY) {
            let sql = format!(
                "SELECT ?fields FROM {WAITING} AND has({{events:Array(UInt128)}}, toUInt128(event_id)) \
                 ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
            );
            let query = self.client().query(&sql).param("partition", partition).param("events", events);
            found.extend(query.param("limit", MAX_REPLAYED).fetch_all::<ParkedRow>().await?);
        }
        found.sort_by(|left, right| (left.first_seen, &left.place).cmp(&(right.first_seen, &right.place)));
        found.dedup_by(|left, right| left.place == right.place);
        found.truncate(MAX_REPLAYED);
        Ok(found)
    }

    /// Events of a partition that are ignored, but no longer by any decision, at most
    /// [`MAX_REPLAYED`].
    pub(crate) async fn wrongly_ignored(
        &self,
        partition: i32,
        decisions: &Decisions,
    ) -> Result<Vec<ParkedRow>, StoreError> {
        let ignores = decisions.all().filter(|decision| decision.act == Act::Ignore);
        let ignores: Vec<u64> = ignores.map(|decision| decision.id).collect();
        let others = decisions.events().filter(|(_, decision)| decision.act != Act::Ignore);
        let others: Vec<u128> = others.map(|(event_id, _): (Uuid, _)| event_id.as_u128()).collect();
        let sql = format!(
            "SELECT ?fields FROM {IGNORED} AND (NOT has({{ignores:Array(UInt64)}}, decision) \
                 OR has({{others:Array(UInt128)}}, toUInt128(event_id))) \
             ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
        );
        let query = self.client().query(&sql).param("partition", partition).param("ignores", ignores);
        Ok(query.param("others", others).param("limit", MAX_REPLAYED).fetch_all().await?)
    }

    /// Whether an Owner ignores events of a partition that can wait again.
    pub(crate) async fn are_any_ignored(&self, partition: i32) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {IGNORED} LIMIT 1");
        Ok(self.client().query(&sql).param("partition", partition).fetch_optional::<u8>().await?.is_some())
    }

    /// Waiting events of a partition that are older than these moments (Unix milliseconds), the
    /// oldest first, at most [`MAX_REPLAYED`].
    pub(crate) async fn overdue(
        &self,
        partition: i32,
        orders_before_ms: i64,
        others_before_ms: i64,
    ) -> Result<Vec<ParkedRow>, StoreError> {
        let sql = format!(
            "SELECT ?fields FROM {WAITING} AND toUnixTimestamp64Milli(first_seen) \
                 < if(kind = 'order', {{orders:Int64}}, {{others:Int64}}) \
             ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
        );
        let query = self.client().query(&sql).param("partition", partition).param("orders", orders_before_ms);
        Ok(query.param("others", others_before_ms).param("limit", MAX_REPLAYED).fetch_all().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_decision_is_in_one_query_that_fits() {
        let decision = Decision { id: 1, act: Act::Ignore, before_ms: 0, note: String::new() };
        let key = "k".repeat(256);
        let alike: Vec<_> = (0..200).map(|_| (key.as_str(), &decision)).collect();
        let runs = by_size(&alike);
        assert_eq!(runs.iter().map(|run| run.len()).sum::<usize>(), 200);
        assert!(runs.len() > 1 && runs.iter().all(|run| run.len() * 276 <= MAX_KEY_BYTES + 276));
        assert_eq!(by_size(&[]).len(), 0);
        let huge = "k".repeat(MAX_KEY_BYTES + 1);
        assert_eq!(by_size(&[(huge.as_str(), &decision), ("k", &decision)]).len(), 2);
    }
}
