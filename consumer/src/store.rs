//! ClickHouse: everything that the consumer asks it and writes to it.
//!
//! Every insert is one block with a deduplication token, so that repeating it is harmless. Nothing here decides; nothing here
//! tries again (that is [`crate::partition`]'s, which knows when to stop).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clickhouse::{Client, Compression, RowOwned, RowWrite};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluice_schemas::rows::{LaneRow, ParkedRow, VerdictRow};
use uuid::Uuid;

use crate::config::ClickhouseConfig;
use crate::decode::Lanes;
use crate::rows::{Known, Owner};

/// ClickHouse did not do what it was asked; asking again is always right, since every insert has a token.
pub type StoreError = clickhouse::error::Error;

/// The way to ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Client,
}

/// What a batch found outside, kept so that a repeated batch finds the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub known: Known,
    /// The places of the parked events that a replay takes, and whose they are; empty for a batch of the topic.
    #[serde(default)]
    pub places: BTreeMap<String, Owner>,
    /// The version of the directory that a replay is resolved with; a batch has it in its plan.
    #[serde(default)]
    pub directory: Option<i64>,
}

#[derive(clickhouse::Row, Deserialize)]
struct Expected {
    lane: String,
    next_seq: u64,
}

#[derive(clickhouse::Row, Deserialize)]
struct Found {
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
}

impl From<Found> for (Uuid, Owner) {
    fn from(found: Found) -> Self {
        let Found { prospect_id, user_id, team_id, campaign_id } = found;
        (prospect_id, Owner { user_id, team_id, campaign_id })
    }
}

/// Ids travel in the URL, 42 bytes each; servers take at least 64 KiB of it.
const N_IDS_A_QUERY: usize = 1000;
/// Places are longer, and are written with escapes.
const N_PLACES_A_QUERY: usize = 400;

/// Waiting events of one partition.
const WAITING: &str = "parked_log FINAL WHERE state = 'waiting' AND partition = {partition:Int32}";
/// Of those, orders whose reference can be a prospect's id (parked in its canonical form).
const ORDERS: &str = "reason = 'unknown_prospect' AND reference = toString(toUUIDOrZero(reference))";
/// Of those, prospects that the directory may know one day. An expired key stays expired.
const PROSPECTS: &str = "kind = 'prospect' AND reason IN ('unknown_key', 'unknown_user')";

/// At most so many parked prospects, and orders, are replayed at once.
pub const MAX_REPLAYED: usize = 2000;

impl Store {
    /// Does not connect yet.
    #[must_use]
    pub fn new(config: &ClickhouseConfig) -> Self {
        let client = Client::default()
            .with_url(&config.url)
            .with_database(&config.database)
            .with_user(&config.user)
            .with_password(config.password.expose())
            .with_compression(if config.compress { Compression::Lz4 } else { Compression::None })
            // The rows' types are checked by the tests, on the real tables; a check of every row costs as much as writing it.
            .with_validation(false)
            // One insert is one block whatever its size: a token covers a block.
            .with_setting("async_insert", "0")
            .with_setting("max_insert_block_size", "1000000")
            .with_setting("min_insert_block_size_rows", "1000000")
            .with_setting("min_insert_block_size_bytes", "1000000000")
            .with_setting("max_partitions_per_insert_block", "0");
        Self { client }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the tables are there.
    ///
    /// # Errors
    /// When they are not, or ClickHouse does not answer.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.client.query("SELECT count() FROM lanes").fetch_one::<u64>().await.map(|_| ())
    }

    /// What is expected of every lane.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lanes(&self) -> Result<Lanes, StoreError> {
        let rows = self
            .client
            .query("SELECT lane, max(lanes.next_seq) AS next_seq FROM lanes GROUP BY lane")
            .fetch_all::<Expected>()
            .await?;
        Ok(rows.into_iter().map(|row| (row.lane, row.next_seq)).collect())
    }

    /// Which of these prospects are stored, and whose they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_prospects(&self, wanted: &BTreeSet<Uuid>) -> Result<Known, StoreError> {
        let mut known = Known::new();
        let ids: Vec<u128> = wanted.iter().map(Uuid::as_u128).collect();
        for ids in ids.chunks(N_IDS_A_QUERY) {
            let found = self
                .client
                .query(
                    "SELECT prospect_id, user_id, team_id, campaign_id FROM prospect_index \
                     WHERE toUInt128(prospect_id) IN (SELECT arrayJoin({ids:Array(UInt128)})) \
                     ORDER BY time LIMIT 1 BY prospect_id",
                )
                .param("ids", ids)
                .fetch_all::<Found>()
                .await?;
            known.extend(found.into_iter().map(<(Uuid, Owner)>::from));
        }
        Ok(known)
    }

    /// The verdict of a batch, if one was written. The first written stands.
    ///
    /// # Errors
    /// [`StoreError`]; also when the verdict cannot be read.
    pub async fn verdict<T: DeserializeOwned>(&self, batch: &str) -> Result<Option<T>, StoreError> {
        let body = self
            .client
            .query("SELECT body FROM verdicts WHERE batch = {batch:String} LIMIT 1")
            .param("batch", batch)
            .fetch_optional::<String>()
            .await?;
        body.map(|body| serde_json::from_str(&body).map_err(|error| StoreError::Custom(error.to_string())))
            .transpose()
    }

    /// Writes a verdict unless the batch has one, and gives the one that stands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_verdict<T>(&self, batch: &str, verdict: T) -> Result<T, StoreError>
    where
        T: Serialize + DeserializeOwned,
    {
        let body = serde_json::to_string(&verdict).map_err(|error| StoreError::Custom(error.to_string()))?;
        let row = VerdictRow { batch: batch.to_owned(), body };
        self.insert("verdicts", batch, [&row]).await?;
        Ok(self.verdict(batch).await?.unwrap_or(verdict))
    }

    /// Writes what is expected of lanes from now on: the end of a batch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_lanes(
        &self,
        batch: &str,
        partition: i32,
        lanes: &Lanes,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let updated = i64::try_from(now_ms).unwrap_or_default();
        let rows: BTreeMap<_, _> = lanes.iter().collect();
        let rows: Vec<_> = rows
            .into_iter()
            .map(|(lane, next_seq)| LaneRow { lane: lane.clone(), partition, next_seq: *next_seq, updated })
            .collect();
        self.insert("lanes", batch, &rows).await
    }

    /// Waiting orders of a partition whose prospect is known by now: the prospects, a thousand at most.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn appeared_prospects(&self, partition: i32) -> Result<Known, StoreError> {
        let sql = format!(
            "SELECT prospect_id, user_id, team_id, campaign_id FROM prospect_index \
             WHERE toUInt128(prospect_id) IN (SELECT toUInt128(toUUIDOrZero(reference)) FROM {WAITING} AND {ORDERS}) \
             ORDER BY time LIMIT 1 BY prospect_id LIMIT {{limit:UInt64}}"
        );
        let found = self
            .client
            .query(&sql)
            .param("partition", partition)
            .param("limit", N_IDS_A_QUERY)
            .fetch_all::<Found>()
            .await?;
        Ok(found.into_iter().map(Into::into).collect())
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
        let query = self.client.query(&sql).param("partition", partition).param("ids", ids);
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
        let found = self.client.query(&sql).param("partition", partition).fetch_all::<String>().await?;
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
            let query = self.client.query(&sql).param("partition", partition);
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
            let query = self.client.query(sql).param("partition", partition).param("places", places);
            found.extend(query.fetch_all().await?);
        }
        Ok(found)
    }

    /// What is expected next of one lane; 0 for one that never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_ordinal(&self, lane: &str) -> Result<u64, StoreError> {
        let sql = "SELECT max(next_seq) FROM lanes WHERE lane = {lane:String}";
        self.client.query(sql).param("lane", lane).fetch_one().await
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
        Ok(self.client.query(&sql).param("partition", partition).fetch_optional::<u8>().await?.is_some())
    }

    /// Inserts the rows of a batch into one table, as one block under the batch's token. Can be repeated. Nothing for no rows.
    ///
    /// # Errors
    /// [`StoreError`]; the table may have the rows all the same.
    pub async fn insert<'a, R, I>(&self, table: &str, batch: &str, rows: I) -> Result<(), StoreError>
    where
        R: RowOwned + RowWrite + 'a,
        I: IntoIterator<Item = &'a R>,
    {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut insert = self
            .client
            .insert::<R>(table)
            .await?
            .with_timeouts(Some(Duration::from_secs(30)), Some(Duration::from_secs(120)))
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", format!("{batch}/{table}"));
        for row in rows {
            insert.write(row).await?;
        }
        insert.end().await
    }
}
