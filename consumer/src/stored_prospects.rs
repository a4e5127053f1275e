//! Asks ClickHouse for the prospects that orders name.

use std::collections::BTreeSet;

use serde::Deserialize;
use uuid::Uuid;

use crate::enrich::Dimensions;
use crate::owner::{Inherited, Known, Owner};
use crate::store::{Store, StoreError};

/// A stored prospect with the columns that its orders inherit.
#[derive(clickhouse::Row, Deserialize)]
pub(crate) struct InheritedRow {
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

impl From<InheritedRow> for (Uuid, Inherited) {
    fn from(row: InheritedRow) -> Self {
        let InheritedRow { user_id, team_id, campaign_id, country, device, os, browser, bot, .. } = row;
        let owner = Owner { user_id, team_id, campaign_id };
        let dimensions = Dimensions { country, device, os, browser, bot };
        (row.prospect_id, Inherited { owner, dimensions })
    }
}

#[derive(clickhouse::Row, Deserialize)]
struct EditedRow {
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
}

/// The columns of [`InheritedRow`] in `prospects`.
pub(crate) const INHERITED_COLUMNS: &str = "prospect_id, user_id, team_id, campaign_id, toString(country) AS country, \
     toString(device) AS device, toString(os) AS os, toString(browser) AS browser, toString(bot) AS bot";

/// A query of [`InheritedRow`]s of the prospects whose ids (as numbers) `ids_sql` lists. Of two
/// visits with one id it finds the earliest.
pub(crate) fn inherited_sql(ids_sql: &str) -> String {
    format!(
        "SELECT {INHERITED_COLUMNS} FROM prospects \
         WHERE time IN (SELECT time FROM prospect_index WHERE toUInt128(prospect_id) IN ({ids_sql})) \
         AND toUInt128(prospect_id) IN ({ids_sql}) ORDER BY time LIMIT 1 BY prospect_id"
    )
}

/// Ids travel in the URL, 42 bytes each; servers take at least 64 KiB of it.
pub(crate) const N_IDS_A_QUERY: usize = 1000;

impl Store {
    /// Finds those of these prospects that are stored and not being edited.
    pub async fn find_prospects(&self, wanted: &BTreeSet<Uuid>) -> Result<Known, StoreError> {
        let mut known = Known::new();
        let ids: Vec<u128> = wanted.iter().map(Uuid::as_u128).collect();
        for ids in ids.chunks(N_IDS_A_QUERY) {
            let edited = self.being_edited(ids).await?;
            let query = self.client().query(&inherited_sql("SELECT arrayJoin({ids:Array(UInt128)})"));
            let found = query.param("ids", ids).fetch_all::<InheritedRow>().await?;
            let found = found.into_iter().map(<(Uuid, Inherited)>::from);
            known.extend(found.filter(|(prospect_id, _)| !edited.contains(prospect_id)));
        }
        Ok(known)
    }

    /// Finds those of these prospects (at most a thousand) that are being edited: their edits are
    /// announced in `origin_edits` and not yet in `changes`. Ask this before asking for the
    /// prospects themselves.
    pub(crate) async fn being_edited(&self, ids: &[u128]) -> Result<BTreeSet<Uuid>, StoreError> {
        let sql = "WITH edits AS (SELECT prospect_id, change_id FROM origin_edits \
                                  WHERE toUInt128(prospect_id) IN (SELECT arrayJoin({ids:Array(UInt128)}))) \
                   SELECT DISTINCT prospect_id FROM edits WHERE change_id NOT IN ( \
                       SELECT change_id FROM changes WHERE toUInt128(change_id) IN (SELECT toUInt128(change_id) FROM edits))";
        let found = self.client().query(sql).param("ids", ids).fetch_all::<EditedRow>().await?;
        Ok(found.into_iter().map(|row| row.prospect_id).collect())
    }
}
