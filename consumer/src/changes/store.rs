//! ClickHouse, for changes: what is there before a batch, and the batch's mutations.
//!
//! Every mutation names its rows by id, time and version, and moves the version on: repeated, or come late from a consumer
//! that was cut off, it finds nothing to do.

use std::collections::BTreeSet;

use serde::Deserialize;
use uuid::Uuid;

use crate::changes::fold::{RowChange, Seen, SeenOrder, SeenProspect, Wanted};
use crate::changes::literal::{array, id_literal};
use crate::rows::Owner;
use crate::store::{Store, StoreError};

#[derive(clickhouse::Row, Deserialize)]
struct FoundProspect {
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
    time_ms: i64,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    is_bot: bool,
    version: u32,
}

#[derive(clickhouse::Row, Deserialize)]
struct FoundOrder {
    #[serde(with = "clickhouse::serde::uuid")]
    order_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
    time_ms: i64,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    status: String,
    version: u32,
}

impl Store {
    /// What is there of what changes name.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn see(&self, wanted: &Wanted) -> Result<Seen, StoreError> {
        let mut seen = Seen::default();
        if !wanted.prospects.is_empty() {
            let ids = ids(&wanted.prospects);
            // The index knows the times, by which the prospects are sorted.
            let sql = format!(
                "SELECT prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id, campaign_id, bot != '' AS is_bot, \
                 version FROM prospects WHERE has({ids}, prospect_id) AND time IN ( \
                     SELECT time FROM prospect_index WHERE toUInt128(prospect_id) IN (SELECT toUInt128(arrayJoin({ids})))) \
                 ORDER BY prospect_id, time"
            );
            let found = self.client().query(&escaped(&sql)).fetch_all::<FoundProspect>().await?;
            seen.prospects = found.into_iter().map(Into::into).collect();
        }
        if !wanted.orders.is_empty() || !wanted.orders_of.is_empty() {
            let (orders, prospects) = (ids(&wanted.orders), ids(&wanted.orders_of));
            let sql = format!(
                "SELECT order_id, prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id, campaign_id, \
                 toString(status) AS status, version FROM orders WHERE has({orders}, order_id) OR has({prospects}, prospect_id) \
                 ORDER BY order_id"
            );
            let found = self.client().query(&escaped(&sql)).fetch_all::<FoundOrder>().await?;
            seen.orders = found.into_iter().map(Into::into).collect();
        }
        Ok(seen)
    }

    /// Changes and deletes rows of one table. Can be repeated.
    ///
    /// # Errors
    /// [`StoreError`]; some of it may be done all the same.
    pub async fn change_rows(&self, table: &str, id: &str, rows: &[RowChange]) -> Result<(), StoreError> {
        let (set, gone): (Vec<&RowChange>, Vec<&RowChange>) = rows.iter().partition(|row| row.set.is_some());
        if !set.is_empty() {
            self.mutate(&update(table, id, &set)).await?;
        }
        if !gone.is_empty() {
            self.mutate(&format!("DELETE FROM {table} WHERE {}", these(id, &gone))).await?;
        }
        Ok(())
    }

    /// Deletes the contacts of orders up to a version each. Can be repeated.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_contacts(&self, gone: &[(Uuid, u32)]) -> Result<(), StoreError> {
        if gone.is_empty() {
            return Ok(());
        }
        let ids = array(gone.iter().map(|(id, _)| id_literal(*id)));
        let versions = array(gone.iter().map(|(_, version)| version.to_string()));
        self.mutate(&format!(
            "DELETE FROM order_contacts WHERE has({ids}, order_id) AND version <= {versions}[indexOf({ids}, order_id)]"
        ))
        .await
    }

    async fn mutate(&self, sql: &str) -> Result<(), StoreError> {
        let client = self.client().clone();
        let client = client.with_setting("mutations_sync", "2").with_setting("lightweight_deletes_sync", "2");
        client.query_raw(sql).execute().await
    }
}

/// `?` stands for a parameter in the client's queries.
fn escaped(sql: &str) -> String {
    sql.replace('?', "??")
}

fn ids(ids: &BTreeSet<Uuid>) -> String {
    // The type of an empty list must be said.
    format!("{}::Array(UUID)", array(ids.iter().map(|id| id_literal(*id))))
}

/// The rows that were seen, and no others. The range of times lets ClickHouse leave out most of the table.
fn these(id: &str, rows: &[&RowChange]) -> String {
    let times = || rows.iter().map(|row| row.time_ms);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let tuples = rows.iter().map(|row| format!("({}, {}, {})", id_literal(row.id), row.time_ms, row.version));
    format!(
        "time >= fromUnixTimestamp64Milli({first}, 'UTC') AND time <= fromUnixTimestamp64Milli({last}, 'UTC') \
         AND ({id}, toUnixTimestamp64Milli(time), version) IN ({})",
        tuples.collect::<Vec<_>>().join(", ")
    )
}

fn update(table: &str, id: &str, rows: &[&RowChange]) -> String {
    let columns: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.set.iter().flatten()).map(|(column, _)| *column).collect();
    let mut sets = vec!["version = version + 1".to_owned()];
    for column in columns {
        let values = || rows.iter().filter_map(|row| Some((row.id, row.set.as_ref()?.get(column)?)));
        let ids = array(values().map(|(id, _)| id_literal(id)));
        let values = array(values().map(|(_, value)| value.literal()));
        sets.push(format!("{column} = if(has({ids}, {id}), {values}[indexOf({ids}, {id})], {column})"));
    }
    format!("ALTER TABLE {table} UPDATE {} WHERE {}", sets.join(", "), these(id, rows))
}

impl From<FoundProspect> for SeenProspect {
    fn from(found: FoundProspect) -> Self {
        let FoundProspect { prospect_id, time_ms, user_id, team_id, campaign_id, is_bot, version } = found;
        Self { prospect_id, time_ms, owner: Owner { user_id, team_id, campaign_id }, is_bot, version }
    }
}

impl From<FoundOrder> for SeenOrder {
    fn from(found: FoundOrder) -> Self {
        let FoundOrder { order_id, prospect_id, time_ms, user_id, team_id, campaign_id, status, version } =
            found;
        Self {
            order_id,
            prospect_id,
            time_ms,
            owner: Owner { user_id, team_id, campaign_id },
            status,
            version,
        }
    }
}
