//! Makes the rows that `prospect_index` lacks from `prospects`.

use serde::{Deserialize, Serialize};
use sluice_schemas::rows::ProspectIndexRow;
use uuid::Uuid;

use crate::store::{Store, StoreError};
use crate::stored::{Identity, Stored, Table};
use crate::verify::range::TimeRange;

/// A row of `prospect_index` with its version, by which later edits find it.
#[derive(Debug, Clone, PartialEq, Eq, clickhouse::Row, Serialize, Deserialize)]
pub(super) struct IndexRow {
    #[serde(with = "clickhouse::serde::uuid")]
    pub(super) prospect_id: Uuid,
    time: i64,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    version: u32,
}

impl Stored for IndexRow {
    const TABLE: Table = ProspectIndexRow::TABLE;

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.prospect_id, number: self.time }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Store {
    /// The rows of a day that the index lacks. A row with another owner is not missing.
    pub(super) async fn missing_in_index(&self, day: &TimeRange) -> Result<Vec<IndexRow>, StoreError> {
        let time = day.time("time");
        let sql = format!(
            "SELECT ?fields FROM prospects WHERE {time} AND (prospect_id, time) NOT IN ( \
                 SELECT prospect_id, time FROM prospect_index WHERE {time}) \
             ORDER BY time, prospect_id"
        );
        Ok(self.client().query(&sql).fetch_all().await?)
    }
}
