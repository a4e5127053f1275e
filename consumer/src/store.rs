//! ClickHouse: the client, inserts, verdicts and ordinals. Other files add their own queries.
//!
//! Every insert is one block with a deduplication token. Nothing here decides or tries again:
//! `insert.rs` repeats inserts, and `context.rs` everything else.

use std::collections::BTreeMap;
use std::time::Duration;

use clickhouse::{Client, Compression};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::config::ClickhouseConfig;
use crate::decode::Lanes;
use crate::owner::{Inherited, Known};
use crate::retry::Retriable;
use crate::stored::Stored;

/// An error of ClickHouse. The request may have had no effect or its full effect.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Client(#[from] clickhouse::error::Error),
    /// Computed again in another way, the batch would be counted twice.
    #[error("the verdict \"{batch}\" cannot be read by this version: {error}")]
    VerdictUnreadable { batch: String, error: serde_json::Error },
    #[error("the verdict {0} is not there")]
    VerdictMissing(String),
}

impl Retriable for StoreError {
    fn is_retriable(&self) -> bool {
        use clickhouse::error::Error;
        match self {
            Self::VerdictUnreadable { .. } => false,
            // The statement or a row is wrong in itself. A missing table or right may come.
            Self::Client(Error::BadResponse(text)) => !text.starts_with(SYNTAX_ERROR),
            Self::Client(Error::InvalidParams(_) | Error::SequenceMustHaveLength) => false,
            Self::Client(_) | Self::VerdictMissing(_) => true,
        }
    }
}

/// The beginning of ClickHouse's answer to a statement that it cannot parse.
const SYNTAX_ERROR: &str = "Code: 62.";

/// The client of ClickHouse. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    client: Client,
}

/// The external answers of a batch. They are stored, so that a repeated batch uses the same ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub known: Known,
    /// The places of the parked events that a replay takes, with their owners; empty in a batch of
    /// the topic.
    #[serde(default)]
    pub places: BTreeMap<String, Inherited>,
    /// The version of the directory that resolves a replay. A batch of the topic has it in its
    /// plan.
    #[serde(default)]
    pub directory: Option<i64>,
    /// Whether the sums of a replay have markers: not in old verdicts.
    #[serde(default)]
    pub has_markers: bool,
    /// The decisions by which a replay stores events, by place.
    #[serde(default)]
    pub mended: BTreeMap<String, Mended>,
    /// The parked events that a replay moves to another state, by place.
    #[serde(default)]
    pub moves: BTreeMap<String, Move>,
}

/// An event that is stored as an Owner has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mended {
    pub decision: u64,
    /// The prospect that an order should have named.
    pub prospect_id: Option<Uuid>,
}

/// A parked event's move to another state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// From waiting to ignored.
    Ignore { decision: u64, note: String },
    /// From ignored by this decision to waiting.
    WaitAgain { decision: u64 },
    /// From waiting to ignored, without its bytes.
    Expire,
}

#[derive(clickhouse::Row, Deserialize)]
struct Expected {
    lane: String,
    next_seq: u64,
}

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
            // The tests check the types on the real tables. A check of each row costs as much as
            // writing it.
            .with_validation(false)
            // One insert is one block, whatever its size: a token covers a block.
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

    /// Prepares a query with many ids in it.
    pub(crate) fn query_with_ids(&self, sql: &str) -> clickhouse::query::Query {
        // The server's log need not keep a statement as long as this.
        let query = self.client().query(sql);
        query.with_setting("max_query_size", "16777216").with_setting("log_queries", "0")
    }

    /// Fails unless ClickHouse answers and has the tables, with the column that came last.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.client.query("SELECT count() FROM lanes").fetch_one::<u64>().await?;
        self.client
            .query("SELECT count() FROM (SELECT rules FROM prospects LIMIT 0)")
            .fetch_one::<u64>()
            .await?;
        Ok(())
    }

    /// The next ordinals of all lanes.
    pub async fn lanes(&self) -> Result<Lanes, StoreError> {
        let rows = self
            .client
            .query("SELECT lane, max(lanes.next_seq) AS next_seq FROM lanes GROUP BY lane")
            .fetch_all::<Expected>()
            .await?;
        Ok(rows.into_iter().map(|row| (row.lane, row.next_seq)).collect())
    }

    /// The verdict of a batch, if it has one. The first that was written stands.
    pub async fn verdict<T: DeserializeOwned>(&self, batch: &str) -> Result<Option<T>, StoreError> {
        let body = self
            .client
            .query("SELECT body FROM verdicts WHERE batch = {batch:String} ORDER BY made, body LIMIT 1")
            .param("batch", batch)
            .fetch_optional::<String>()
            .await?;
        let read = |body: String| serde_json::from_str(&body);
        let unreadable = |error| StoreError::VerdictUnreadable { batch: batch.to_owned(), error };
        body.map(read).transpose().map_err(unreadable)
    }

    /// The next ordinal of a lane; 0 if it is new.
    pub async fn next_ordinal(&self, lane: &str) -> Result<u64, StoreError> {
        let sql = "SELECT max(next_seq) FROM lanes WHERE lane = {lane:String}";
        Ok(self.client.query(sql).param("lane", lane).fetch_one().await?)
    }

    /// Inserts rows into their table, as one block under a token. A table that remembers the token
    /// ignores them.
    ///
    /// # Errors
    /// [`StoreError`]. The table may have the rows nevertheless.
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
        Ok(insert.end().await?)
    }
}

#[cfg(test)]
mod tests {
    use clickhouse::error::Error;

    use super::*;

    #[test]
    fn only_errors_that_stay_the_same_are_permanent() {
        let unreadable = serde_json::from_str::<Verdict>("{").unwrap_err();
        let unreadable = StoreError::VerdictUnreadable { batch: String::new(), error: unreadable };
        let answer = |text: &str| StoreError::from(Error::BadResponse(text.to_owned()));
        for (error, is_retriable) in [
            (unreadable, false),
            (answer("Code: 62. DB::Exception: Syntax error"), false),
            (answer("Code: 60. DB::Exception: Unknown table"), true),
            (answer("Code: 243. DB::Exception: Cannot reserve 1 MiB, not enough space"), true),
            (Error::TimedOut.into(), true),
            (StoreError::VerdictMissing(String::new()), true),
        ] {
            assert_eq!(error.is_retriable(), is_retriable, "{error}");
        }
    }
}
