//! ClickHouse, for parked events: what waits, what of it can be replayed, and the end of what was replayed long ago.
//!
//! `parked_log` has a row a state; the newest of an event counts (`FINAL`). What was ever waiting is looked for first, in two
//! small columns, so that what was replayed costs little while it is kept.

use std::collections::BTreeSet;

use sluice_schemas::rows::ParkedRow;
use uuid::Uuid;

use crate::rows::Known;
use crate::store::{Found, N_IDS_A_QUERY, Store, StoreError, origins_sql};

/// Places are longer than ids, and are written with escapes.
const N_PLACES_A_QUERY: usize = 400;

/// Waiting events of one partition.
const WAITING: &str = "parked_log FINAL WHERE (event_id, place) IN (SELECT event_id, place FROM parked_log \
                       WHERE state = 'waiting' AND partition = {partition:Int32}) \
                       AND state = 'waiting' AND partition = {partition:Int32}";
/// Of those, orders whose reference can be a prospect's id (parked in its canonical form).
const ORDERS: &str = "reason = 'unknown_prospect' AND reference = toString(toUUIDOrZero(reference))";
/// Of those, prospects that the directory may know one day. An expired key stays expired.
const PROSPECTS: &str = "kind = 'prospect' AND reason IN ('unknown_key', 'unknown_user')";
/// What was ended before a moment. Events that wait are never too old.
const LONG_ENDED: &str = "partition = {partition:Int32} AND state != 'waiting' \
                          AND last_tried < fromUnixTimestamp64Milli({before_ms:Int64}, 'UTC')";

/// At most so many parked prospects, and orders, are replayed at once.
pub const MAX_REPLAYED: usize = 2000;

impl Store {
    /// Waiting orders of a partition whose prospect is known by now, and is not being edited: the prospects, a thousand at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn appeared_prospects(&self, partition: i32) -> Result<Known, StoreError> {
        let waited_for = format!("SELECT toUInt128(toUUIDOrZero(reference)) FROM {WAITING} AND {ORDERS}");
        let sql = format!("{} LIMIT {{limit:UInt64}}", origins_sql(&waited_for));
        let found = self
            .client()
            .query(&sql)
            .param("partition", partition)
            .param("limit", N_IDS_A_QUERY)
            .fetch_all::<Found>()
            .await?;
        let mut known: Known = found.into_iter().map(Into::into).collect();
        let ids: Vec<u128> = known.keys().map(Uuid::as_u128).collect();
        let edited = self.being_edited(&ids).await?;
        known.retain(|prospect_id, _| !edited.contains(prospect_id));
        Ok(known)
    }

    /// The waiting orders of a partition that name one of these prospects, the oldest first, [`MAX_REPLAYED`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_orders(&self, partition: i32, known: &Known) -> Result<Vec<ParkedRow>, StoreError> {
        let ids: Vec<u128> = known.keys().map(Uuid::as_u128).collect();
        let sql = format!(
            "SELECT ?fields FROM {WAITING} AND {ORDERS} \
             AND toUInt128(toUUIDOrZero(reference)) IN (SELECT arrayJoin({{ids:Array(UInt128)}})) \
             ORDER BY first_seen, place LIMIT {{limit:UInt64}}"
        );
        let query = self.client().query(&sql).param("partition", partition).param("ids", ids);
        query.param("limit", MAX_REPLAYED).fetch_all().await
    }

    /// What the waiting prospects of a partition name, the latest first, ten thousand at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_references(&self, partition: i32) -> Result<BTreeSet<String>, StoreError> {
        let sql = format!(
            "SELECT reference FROM {WAITING} AND {PROSPECTS} GROUP BY reference ORDER BY max(first_seen) DESC LIMIT 10000"
        );
        let found = self.client().query(&sql).param("partition", partition).fetch_all::<String>().await?;
        Ok(found.into_iter().collect())
    }

    /// Waiting prospects of a partition that name one of these, the oldest first, [`MAX_REPLAYED`] at most.
    ///
    /// # Errors
    /// [`StoreError`].
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
    ///
    /// # Errors
    /// [`StoreError`].
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

    /// Whether orders of a partition wait for a prospect that may yet appear.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn do_orders_wait(&self, partition: i32) -> Result<bool, StoreError> {
        self.is_any(partition, ORDERS).await
    }

    /// Whether prospects of a partition wait for a key or a user that may yet appear.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn do_prospects_wait(&self, partition: i32) -> Result<bool, StoreError> {
        self.is_any(partition, PROSPECTS).await
    }

    async fn is_any(&self, partition: i32, which: &str) -> Result<bool, StoreError> {
        let sql = format!("SELECT 1 FROM {WAITING} AND {which} LIMIT 1");
        Ok(self.client().query(&sql).param("partition", partition).fetch_optional::<u8>().await?.is_some())
    }

    /// Removes what was replayed or deleted before a moment (Unix milliseconds); how many there were. Can be repeated.
    ///
    /// # Errors
    /// [`StoreError`]; some of it may be done all the same.
    pub async fn forget_ended(&self, partition: i32, before_ms: i64) -> Result<u64, StoreError> {
        let bound = |sql: &str| {
            let query = self.client().query(sql).with_setting("mutations_sync", "2");
            query.param("partition", partition).param("before_ms", before_ms)
        };
        let count = format!("SELECT count() FROM parked_log WHERE {LONG_ENDED}");
        let n_ended = bound(&count).fetch_one().await?;
        if n_ended > 0 {
            // First the state in which they waited, where it has not been merged away: it must not come to light again.
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
