//! The newest events within a filter, as `/live/` shows them.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sluice_schemas::live::{LiveKind, LiveRow};
use uuid::Uuid;

use crate::db::clickhouse::fetch_all;
use crate::db::event_filter::EventFilter;
use crate::db::time_slices::{self, PageSlices, Slicing};

#[derive(Debug, Row, Deserialize)]
struct NewestRow {
    #[serde(with = "clickhouse::serde::uuid")]
    event_id: Uuid,
    time_ms: i64,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    country: String,
    device: String,
    os: String,
    browser: String,
    bot: String,
    status: String,
    amount: i64,
    currency: String,
}

/// The parts of the query that differ by kind.
struct Table {
    kind: LiveKind,
    name: &'static str,
    id_column: &'static str,
    columns: &'static str,
    slicing: Slicing,
}

const VISITS: Table = Table {
    kind: LiveKind::Visit,
    name: "prospects",
    id_column: "prospect_id",
    columns: "'' AS status, cost AS amount",
    slicing: time_slices::PROSPECTS,
};

const ORDERS: Table = Table {
    kind: LiveKind::Order,
    name: "orders",
    id_column: "order_id",
    columns: "toString(status) AS status, payout AS amount",
    slicing: time_slices::ORDERS,
};

/// Returns the newest events of some kinds, newest first, as many as the filter's limit.
pub async fn newest(
    client: &Client,
    filter: &EventFilter,
    kinds: &[LiveKind],
    now_ms: u64,
) -> clickhouse::error::Result<Vec<LiveRow>> {
    let of = |table: &'static Table| async move {
        if kinds.contains(&table.kind) {
            of_table(client, filter, table, now_ms).await
        } else {
            Ok(Vec::new())
        }
    };
    let (visits, orders) = futures::try_join!(of(&VISITS), of(&ORDERS))?;
    let mut rows = [visits, orders].concat();
    rows.sort_by_key(|row| std::cmp::Reverse((row.time_ms, row.id.as_u128())));
    rows.truncate(filter.limit as usize);
    Ok(rows)
}

async fn of_table(
    client: &Client,
    filter: &EventFilter,
    table: &Table,
    now_ms: u64,
) -> clickhouse::error::Result<Vec<LiveRow>> {
    let slicing = match table.kind {
        LiveKind::Order if filter.is_narrow() => time_slices::FEW_ORDERS,
        _ => table.slicing,
    };
    let Table { name, id_column, columns, .. } = table;
    let mut slices = PageSlices::new(client, slicing, filter, now_ms).await?;
    let mut rows = Vec::new();
    while let Some(slice) = slices.next(rows.len()) {
        let (conditions, order) = (slice.conditions_sql(id_column), slice.order_sql("time", id_column));
        let sql = format!(
            "SELECT {id_column} AS event_id, toUnixTimestamp64Milli(time) AS time_ms, user_id, team_id,
                 campaign_id, toString(country) AS country, toString(device) AS device,
                 toString(os) AS os, toString(browser) AS browser, toString(bot) AS bot, {columns},
                 toString(currency) AS currency
             FROM {name} WHERE {conditions} {order}"
        );
        let found: Vec<NewestRow> = fetch_all(slice.bind(client.query(&sql))).await?;
        rows.extend(found.into_iter().map(|row| row.into_live(table.kind)));
    }
    Ok(rows)
}

impl NewestRow {
    fn into_live(self, kind: LiveKind) -> LiveRow {
        LiveRow {
            kind,
            id: self.event_id,
            time_ms: self.time_ms,
            user_id: self.user_id,
            team_id: self.team_id,
            campaign_id: self.campaign_id,
            country: self.country,
            device: self.device,
            os: self.os,
            browser: self.browser,
            bot: self.bot,
            status: self.status,
            amount: self.amount,
            currency: self.currency,
        }
    }
}
