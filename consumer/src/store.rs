//! ClickHouse: everything that the consumer asks it and writes to it.
//!
//! Every insert is one block with a deduplication token. Nothing here decides; nothing here tries again: [`crate::insert`]
//! repeats inserts and [`crate::partition`] everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clickhouse::{Client, Compression};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::ClickhouseConfig;
use crate::decode::Lanes;
use crate::enrich::Dimensions;
use crate::rows::{Known, Origin, Owner};
use crate::stored::Stored;

/// ClickHouse did not do what it was asked, or did not answer. A question can be asked again.
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
    pub places: BTreeMap<String, Origin>,
    /// The version of the directory that a replay is resolved with; a batch has it in its plan.
    #[serde(default)]
    pub directory: Option<i64>,
    /// Whether a replay's sums have markers: not in verdicts of older versions.
    #[serde(default)]
    pub has_markers: bool,
}

#[derive(clickhouse::Row, Deserialize)]
struct Expected {
    lane: String,
    next_seq: u64,
}

#[derive(clickhouse::Row, Deserialize)]
pub(crate) struct Found {
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    country: String,
    device: String,
    os: String,
    browser: String,
    bot: String,
}

impl From<Found> for (Uuid, Origin) {
    fn from(found: Found) -> Self {
        let Found { user_id, team_id, campaign_id, country, device, os, browser, bot, .. } = found;
        let owner = Owner { user_id, team_id, campaign_id };
        (found.prospect_id, Origin { owner, dimensions: Dimensions { country, device, os, browser, bot } })
    }
}

/// The columns of [`Found`] in `prospects`.
pub(crate) const ORIGIN_COLUMNS: &str = "prospect_id, user_id, team_id, campaign_id, toString(country) AS country, \
     toString(device) AS device, toString(os) AS os, toString(browser) AS browser, toString(bot) AS bot";

/// The columns of [`Found`], of prospects whose ids are among those that `ids_sql` gives as numbers: of two visits with one id
/// the earliest.
pub(crate) fn origins_sql(ids_sql: &str) -> String {
    format!(
        "SELECT {ORIGIN_COLUMNS} FROM prospects \
         WHERE time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) IN ({ids_sql})) \
         AND toUInt128(prospect_id) IN ({ids_sql}) ORDER BY time LIMIT 1 BY prospect_id"
    )
}

/// Ids travel in the URL, 42 bytes each; servers take at least 64 KiB of it.
pub(crate) const N_IDS_A_QUERY: usize = 1000;

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

    /// Which of these prospects are stored and not being edited, and what their orders take from them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_prospects(&self, wanted: &BTreeSet<Uuid>) -> Result<Known, StoreError> {
        let mut known = Known::new();
        let ids: Vec<u128> = wanted.iter().map(Uuid::as_u128).collect();
        for ids in ids.chunks(N_IDS_A_QUERY) {
            let edited = self.being_edited(ids).await?;
            let query = self.client.query(&origins_sql("SELECT arrayJoin({ids:Array(UInt128)})"));
            let found = query.param("ids", ids).fetch_all::<Found>().await?;
            let found = found.into_iter().map(<(Uuid, Origin)>::from);
            known.extend(found.filter(|(prospect_id, _)| !edited.contains(prospect_id)));
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
            .query("SELECT body FROM verdicts WHERE batch = {batch:String} ORDER BY made, body LIMIT 1")
            .param("batch", batch)
            .fetch_optional::<String>()
            .await?;
        body.map(|body| serde_json::from_str(&body).map_err(|error| StoreError::Custom(error.to_string())))
            .transpose()
    }

    /// What is expected next of one lane; 0 for one that never was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn next_ordinal(&self, lane: &str) -> Result<u64, StoreError> {
        let sql = "SELECT max(next_seq) FROM lanes WHERE lane = {lane:String}";
        self.client.query(sql).param("lane", lane).fetch_one().await
    }

    /// Inserts rows into their table, as one block under a token. Ignored by a table that remembers the token.
    ///
    /// # Errors
    /// [`StoreError`]; the table may have the rows all the same.
    pub async fn insert<R: Stored>(&self, token: &str, rows: &[&R]) -> Result<(), StoreError> {
        let mut insert = self
            .client
            .insert::<R>(R::TABLE.name)
            .await?
            .with_timeouts(Some(Duration::from_secs(30)), Some(Duration::from_secs(120)))
            .with_setting("insert_deduplicate", "1")
            .with_setting("insert_deduplication_token", token);
        for row in rows {
            insert.write(*row).await?;
        }
        insert.end().await
    }
}
