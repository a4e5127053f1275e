//! ClickHouse, for changes: reads the rows before a batch, and makes the batch's mutations.
//!
//! Every mutation names its rows by id, time and version, and increments the version. A repeated
//! one, or a late one of a consumer that was cut off, finds nothing to do.

use std::collections::BTreeSet;

use serde::Deserialize;
use sluice_schemas::id_time::born_between;
use uuid::Uuid;

use crate::changes::effects::{ContactGone, RowChange};
use crate::changes::seen::{RowsToRead, Seen, SeenOrder, SeenProspect};
use crate::owner::Owner;
use crate::sql::{array, id_literal};
use crate::store::{Store, StoreError};

#[derive(clickhouse::Row, Deserialize)]
struct StoredProspectRow {
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
struct StoredOrderRow {
    #[serde(with = "clickhouse::serde::uuid")]
    order_id: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    prospect_id: Uuid,
    time_ms: i64,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    status: String,
    currency: String,
    version: u32,
}

#[derive(clickhouse::Row, Deserialize)]
struct DoneRow {
    #[serde(with = "clickhouse::serde::uuid")]
    change_id: Uuid,
}

impl Store {
    /// Loads the rows that the changes refer to, except stored orders: call [`Self::see_orders`]
    /// afterwards.
    pub async fn see(&self, wanted: &RowsToRead) -> Result<Seen, StoreError> {
        let mut seen = Seen { done: self.done(&wanted.changes).await?, ..Seen::default() };
        // Before the stored orders: one that is replayed meanwhile is found here or there.
        let parked = self.parked_orders(&wanted.ends.keys().copied().collect()).await?;
        seen.parked =
            parked.into_iter().filter(|row| row.state != "replayed").map(|row| row.event_id).collect();
        if !wanted.prospects.is_empty() {
            let ids = ids(&wanted.prospects);
            // The index knows the times, by which the prospects are sorted.
            let sql = format!(
                "SELECT prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id, campaign_id, bot != '' AS is_bot, \
                 version FROM prospects WHERE has({ids}, prospect_id) AND time IN ( \
                     SELECT time FROM prospect_index WHERE toUInt128(prospect_id) IN (SELECT toUInt128(arrayJoin({ids})))) \
                 ORDER BY prospect_id, time"
            );
            let found = self.client().query(&sql).fetch_all::<StoredProspectRow>().await?;
            seen.prospects = found.into_iter().map(Into::into).collect();
        }
        Ok(seen)
    }

    /// Loads the stored orders that the changes refer to, and those that inherit from a prospect
    /// that the changes edit.
    pub async fn see_orders(&self, wanted: &RowsToRead) -> Result<Vec<SeenOrder>, StoreError> {
        if wanted.orders.is_empty() && wanted.origin_edits.is_empty() {
            return Ok(Vec::new());
        }
        let edited = wanted.origin_edits.values().copied().collect();
        let (orders, prospects) = (ids(&wanted.orders), ids(&edited));
        let sql = format!(
            "SELECT order_id, prospect_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id, campaign_id, \
             toString(status) AS status, toString(currency) AS currency, version FROM orders \
             WHERE ({} AND has({orders}, order_id)) OR has({prospects}, prospect_id) ORDER BY order_id",
            born(&wanted.orders)
        );
        let found = self.client().query(&sql).fetch_all::<StoredOrderRow>().await?;
        Ok(found.into_iter().map(Into::into).collect())
    }

    /// Finds those of these changes that were applied before: the topic is read again if the
    /// offsets of its group are lost.
    async fn done(&self, changes: &BTreeSet<Uuid>) -> Result<BTreeSet<Uuid>, StoreError> {
        let ids = ids(changes);
        let sql = format!(
            "SELECT change_id FROM changes WHERE toUInt128(change_id) IN (SELECT toUInt128(arrayJoin({ids})))"
        );
        let found = self.client().query(&sql).fetch_all::<DoneRow>().await?;
        Ok(found.into_iter().map(|row| row.change_id).collect())
    }

    /// Changes and deletes rows of one table. Can be repeated.
    ///
    /// # Errors
    /// [`StoreError`]. Some of the changes may be made nevertheless.
    pub async fn change_rows(&self, table: &str, id: &str, rows: &[RowChange]) -> Result<(), StoreError> {
        let (set, gone): (Vec<&RowChange>, Vec<&RowChange>) = rows.iter().partition(|row| row.set.is_some());
        for rows in statements(&set) {
            self.mutate(&update(table, id, &rows)).await?;
        }
        for rows in statements(&gone) {
            self.mutate(&format!("ALTER TABLE {table} DELETE WHERE {}", these(id, &rows))).await?;
        }
        Ok(())
    }

    /// Deletes the contacts of orders up to a version each. Can be repeated.
    pub async fn delete_contacts(&self, gone: &[ContactGone]) -> Result<(), StoreError> {
        for gone in gone.chunks(N_ROWS_A_STATEMENT) {
            let ids = array(gone.iter().map(|contact| id_literal(contact.order_id)));
            let versions = array(gone.iter().map(|contact| contact.version.to_string()));
            let times = between(gone.iter().map(|contact| contact.time_ms));
            // Not DELETE FROM, which leaves the data on disk until some merge.
            self.mutate(&format!(
                "ALTER TABLE order_contacts DELETE WHERE {times} AND has({ids}, order_id) \
                 AND version <= {versions}[indexOf({ids}, order_id)]"
            ))
            .await?;
        }
        Ok(())
    }

    pub(super) async fn mutate(&self, sql: &str) -> Result<(), StoreError> {
        let client = self.client().clone();
        // Many ids make a long statement. It may have a visitor's address, which the server's log
        // need not keep.
        let client = client
            .with_setting("mutations_sync", "2")
            .with_setting("max_query_size", "16777216")
            .with_setting("max_ast_elements", "1000000")
            .with_setting("log_queries", "0");
        Ok(client.query_raw(sql).execute().await?)
    }
}

/// Rows of one statement, which has each of them in it several times.
const N_ROWS_A_STATEMENT: usize = 100;

/// Divides rows into statements: not too many in each, and no two rows with one id, since values
/// are found by the id.
fn statements<'a>(rows: &[&'a RowChange]) -> Vec<Vec<&'a RowChange>> {
    let mut statements: Vec<Vec<&RowChange>> = Vec::new();
    for row in rows {
        let fits = |rows: &&mut Vec<&RowChange>| {
            rows.len() < N_ROWS_A_STATEMENT && rows.iter().all(|other| other.id != row.id)
        };
        match statements.iter_mut().rev().take(2).find(fits) {
            Some(rows) => rows.push(row),
            None => statements.push(vec![row]),
        }
    }
    statements
}

/// A condition on the time, which lets ClickHouse skip most of a table.
fn between(times: impl Iterator<Item = i64> + Clone) -> String {
    let (first, last) = (times.clone().min().unwrap_or(0), times.max().unwrap_or(0));
    format!(
        "time >= fromUnixTimestamp64Milli({first}, 'UTC') AND time <= fromUnixTimestamp64Milli({last}, 'UTC')"
    )
}

/// A condition on the time of orders with these ids: near the times in the ids, if all are UUIDv7.
fn born(ids: &BTreeSet<Uuid>) -> String {
    let born: Option<Vec<_>> = ids.iter().map(|id| born_between(*id)).collect();
    match born {
        Some(born) if !born.is_empty() => {
            between(born.iter().flat_map(|(from_ms, to_ms)| [*from_ms, *to_ms]))
        }
        _ => "true".to_owned(),
    }
}

fn ids(ids: &BTreeSet<Uuid>) -> String {
    // An empty list needs a type.
    format!("{}::Array(UUID)", array(ids.iter().map(|id| id_literal(*id))))
}

/// A condition that finds the rows that were seen, and no others.
fn these(id: &str, rows: &[&RowChange]) -> String {
    let tuples = rows.iter().map(|row| format!("({}, {}, {})", id_literal(row.id), row.time_ms, row.version));
    format!(
        "{} AND ({id}, toUnixTimestamp64Milli(time), version) IN ({})",
        between(rows.iter().map(|row| row.time_ms)),
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

impl From<StoredProspectRow> for SeenProspect {
    fn from(found: StoredProspectRow) -> Self {
        let StoredProspectRow { prospect_id, time_ms, user_id, team_id, campaign_id, is_bot, version } =
            found;
        Self { prospect_id, time_ms, owner: Owner { user_id, team_id, campaign_id }, is_bot, version }
    }
}

impl From<StoredOrderRow> for SeenOrder {
    fn from(found: StoredOrderRow) -> Self {
        let StoredOrderRow { order_id, prospect_id, time_ms, user_id, team_id, campaign_id, .. } = found;
        Self {
            order_id,
            prospect_id,
            time_ms,
            owner: Owner { user_id, team_id, campaign_id },
            status: found.status,
            currency: Some(found.currency),
            version: found.version,
        }
    }
}
