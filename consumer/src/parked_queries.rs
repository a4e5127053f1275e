//! Queries ClickHouse for parked events: those that wait, that can be replayed, or that ended long
//! ago.
//!
//! `parked_log` has a row for each state of an event; the newest counts (`FINAL`). Queries first
//! look in two small columns for events that have ever waited, so that replayed events cost little
//! while they are kept.

use std::collections::BTreeSet;

use sluice_schemas::rows::ParkedRow;
use uuid::Uuid;

use crate::owner::Known;
use crate::store::{Store, StoreError};
use crate::stored_prospects::{InheritedRow, N_IDS_A_QUERY, inherited_sql};

/// Places are longer than ids, and are written with escapes.
const N_PLACES_A_QUERY: usize = 400;

/// Waiting events of one partition.
pub(crate) const WAITING: &str = "parked_log FINAL WHERE (event_id, place) IN (SELECT event_id, place FROM parked_log \
                       WHERE state = 'waiting' AND partition = {partition:Int32}) \
                       AND state = 'waiting' AND partition = {partition:Int32}";
/// Those that are orders and whose reference can be a prospect's id (parked in its canonical form).
const ORDERS: &str = "reason = 'unknown_prospect' AND reference = toString(toUUIDOrZero(reference))";
/// Those that are prospects and that the directory may resolve later. An expired key stays expired.
const PROSPECTS: &str = "kind = 'prospect' AND reason IN ('unknown_key', 'unknown_user')";
/// Events that ended before a moment. Events that wait are never too old.
const LONG_ENDED: &str = "partition = {partition:Int32} AND state != 'waiting' \
                          AND last_tried < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')";

/// The most parked prospects, and the most parked orders, of one replay.
pub const MAX_REPLAYED: usize = 2000;

impl Store {
    /// The prospects that waiting orders of a partition name, and that are stored and not being
    /// edited; at most a thousand.
    pub async fn appeared_prospects(&self, partition: i32) -> Result<Known, StoreError> {
        let waited_for = format!("SELECT toUInt128(toUUIDOrZero(reference)) FROM {WAITING} AND {ORDERS}");
        let sql = format!("{} LIMIT {{limit:UInt64}}", inherited_sql(&waited_for));
        let found = self
            .client()
            .query(&sql)
            .param("partition", partition)
            .param("limit", N_IDS_A_QUERY)
            .fetch_all::<InheritedRow>()
            .await?;
        let mut known: Known = found.into_iter().map(Into::into).collect();
        let ids: Vec<u128> = known.keys().map(Uuid::as_u128).collect();
        let edited = self.being_edited(&ids).await?;
        known.retain(|prospect_id, _| !edited.contains(prospect_id));
        Ok(known)
    }

    /// The waiting orders of a partition that name one of these prospects, the oldest first, at
    /// most [`MAX_REPLAYED`].
    pub async fn waiting_orders(&self, partition: i32, known: &Known) -> Result<Vec<ParkedRow>, StoreError> {
        let ids: Vec<u128> = known.keys().map(Uuid::as_u128).collect();
        let sql = format!(
            "SELECT ?fields FROM {WAITING} AND {ORDERS} \
             AND toUInt128(toUUIDOrZero(reference)) IN (SELECT arrayJoin({{ids:Array(UInt128)}})) \
             ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
        );
        let query = self.client().query(&sql).param("partition", partition).param("ids", ids);
        Ok(query.param("limit", MAX_REPLAYED).fetch_all().await?)
    }

    /// The keys and users that waiting prospects of a partition name, the latest first, at most ten
    /// thousand.
    pub async fn waiting_references(&self, partition: i32) -> Result<BTreeSet<String>, StoreError> {
        let sql = format!(
            "SELECT reference FROM {WAITING} AND {PROSPECTS} GROUP BY reference ORDER BY max(first_seen) DESC LIMIT 10000"
        );
        let found = self.client().query(&sql).param("partition", partition).fetch_all::<String>().await?;
        Ok(found.into_iter().collect())
    }

    /// The waiting prospects of a partition that name one of these keys and users, the oldest
    /// first, at most [`MAX_REPLAYED`].
    pub async fn waiting_prospects(
        &self,
        partition: i32,
        references: &BTreeSet<String>,
    ) -> Result<Vec<ParkedRow>, StoreError> {
        let sql = format!(
            "SELECT ?fields FROM {WAITING} AND {PROSPECTS} AND has({{references:Array(String)}}, reference) \
             ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
        );
        let references: Vec<_> = references.iter().collect();
        let mut found = Vec::new();
        for references in references.chunks(N_IDS_A_QUERY) {
            let limit = MAX_REPLAYED - found.len();
            let query = self.client().query(&sql).param("partition", partition);
            found.extend(query.param("references", references).param("limit", limit).fetch_all().await?);
            if found.len() >= MAX_REPLAYED {
                break;
            }
        }
        Ok(found)
    }

    /// The parked events at these places that were not replayed.
    pub async fn parked_at(&self, partition: i32, places: &[&String]) -> Result<Vec<ParkedRow>, StoreError> {
        let sql = "SELECT ?fields FROM parked_log FINAL WHERE state != 'replayed' AND partition = {partition:Int32} \
                   AND has({places:Array(String)}, place)";
        let mut found = Vec::new();
        for places in places.chunks(N_PLACES_A_QUERY) {
            let query = self.client().query(sql).param("partition", partition).param("places", places);
            found.extend(query.fetch_all().await?);
        }
        Ok(found)
    }

    /// Whether any events of a partition wait.
    pub async fn do_any_wait(&self, partition: i32) -> Result<bool, StoreError> {
        self.is_any(partition, "true").await
    }

    /// Whether orders of a partition wait for a prospect that may yet appear.
    pub async fn do_orders_wait(&self, partition: i32) -> Result<bool, StoreError> {
        self.is_any(partition, ORDERS).await
    }

    /// Whether prospects of a partition wait for a key or a user that may yet appear.
    pub async fn do_prospects_wait(&self, partition: i32) -> Result<bool, StoreError> {
        self.is_any(partition, PROSPECTS).await
    }

    async fn is_any(&self, partition: i32, which: &str) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {WAITING} AND {which} LIMIT 1");
        Ok(self.client().query(&sql).param("partition", partition).fetch_optional::<u8>().await?.is_some())
    }

    /// Removes events that were replayed, deleted, ignored or expired before a moment (Unix
    /// milliseconds), and returns how many there were. Can be repeated.
    ///
    /// # Errors
    /// [`StoreError`]; some of them may be removed all the same.
    pub async fn forget_ended(&self, partition: i32, before_ms: i64) -> Result<u64, StoreError> {
        let bound = |sql: &str| {
            let query = self.client().query(sql).with_setting("mutations_sync", "2");
            query.param("partition", partition).param("before_ms", before_ms)
        };
        let count = format!("SELECT count() FROM parked_log WHERE {LONG_ENDED}");
        let n_ended = bound(&count).fetch_one().await?;
        if n_ended > 0 {
            // Deletes leftover `waiting` rows first, or they would become the newest.
            let waited = format!(
                "ALTER TABLE parked_log DELETE WHERE state = 'waiting' \
                 AND (event_id, place) IN (SELECT event_id, place FROM parked_log WHERE {LONG_ENDED})"
            );
            bound(&waited).execute().await?;
            bound(&format!("ALTER TABLE parked_log DELETE WHERE {LONG_ENDED}")).execute().await?;
        }
        Ok(n_ended)
    }
}
