//! Compares the sums of `rollup_hourly` with the rows: where they differ, and by how much. Ignores
//! rows whose sums are all zero.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sluice_schemas::rows::RollupHourlyRow;

use crate::store::{Store, StoreError};
use crate::verify::range::{LAST_HOUR, TimeRange};

/// The columns of `rollup_hourly` that are sums, each with its expressions over `prospects` and
/// over `orders`.
const SUMS: [(&str, &str, &str); 8] = [
    ("prospects", "count()", "0"),
    ("bots", "countIf(bot != '')", "0"),
    ("orders", "0", "count()"),
    ("sales", "0", "countIf(status = 'sale')"),
    ("rejected", "0", "countIf(status = 'rejected')"),
    ("trash", "0", "countIf(status = 'trash')"),
    ("chargebacks", "0", "countIf(status = 'chargeback')"),
    ("rebills", "0", "countIf(status = 'rebill')"),
];

/// Sums to add, by hour, user, team and campaign.
pub(super) type Sums = BTreeMap<(u32, u64, u64, u64), RollupHourlyRow>;

/// The sums that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SumChoice {
    Prospects,
    Orders,
    All,
}

impl SumChoice {
    fn sums(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Prospects => &SUMS[..2],
            Self::Orders => &SUMS[2..],
            Self::All => &SUMS,
        }
    }

    /// The names of the columns, for people.
    pub(super) fn names(self) -> String {
        self.sums().iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// The sums of one hour, buyer, team and campaign where the rows and `rollup_hourly` differ.
#[derive(Debug, Clone, clickhouse::Row, Deserialize)]
pub(super) struct Differing {
    hour: u32,
    user_id: u64,
    team_id: u64,
    campaign_id: u64,
    in_rows: Vec<i64>,
    counted: Vec<i64>,
}

impl Differing {
    /// The sums to add so that `rollup_hourly` equals the sums of the rows.
    fn correction(&self) -> Option<RollupHourlyRow> {
        let pairs = self.in_rows.iter().zip(&self.counted);
        let difference: Vec<i64> = pairs.map(|(rows, counted)| rows - counted).collect();
        let [prospects, bots, orders, sales, rejected, trash, chargebacks, rebills] = difference[..] else {
            return None;
        };
        let zero = RollupHourlyRow::of(self.hour, self.user_id, self.team_id, self.campaign_id);
        Some(RollupHourlyRow {
            prospects,
            bots,
            orders,
            sales,
            rejected,
            trash,
            chargebacks,
            rebills,
            ..zero
        })
    }
}

/// The sums of a row, in the order of [`SUMS`].
pub(super) fn values(row: &RollupHourlyRow) -> [i64; 8] {
    [row.prospects, row.bots, row.orders, row.sales, row.rejected, row.trash, row.chargebacks, row.rebills]
}

/// A correction as a text for people: its place, and the sums to add.
pub(super) fn describe(row: &RollupHourlyRow) -> String {
    let hour = chrono::DateTime::from_timestamp(i64::from(row.hour), 0).unwrap_or_default();
    let place = format!("buyer {} team {} campaign {}", row.user_id, row.team_id, row.campaign_id);
    let named = SUMS.iter().zip(values(row)).filter(|(_, value)| *value != 0);
    let sums: Vec<String> = named.map(|((name, ..), value)| format!("{name} {value:+}")).collect();
    format!("{} {place}: {}", hour.format("%Y-%m-%d %H:00"), sums.join(" "))
}

/// The hour that a row is counted in.
fn hour_sql() -> String {
    format!("toDateTime(least(intDiv(toUnixTimestamp64Milli(time), 3600000) * 3600, {LAST_HOUR}), 'UTC')")
}

/// A query of the columns of [`Differing`].
pub(super) fn differing_sql(range: &TimeRange, which: SumChoice) -> String {
    let sums = which.sums();
    let list = |values: Vec<String>| format!("arrayMap(x -> toInt64(x), [{}])", values.join(", "));
    let zeros = list(vec!["0".to_owned(); sums.len()]);
    let (hour, time) = (hour_sql(), range.time("time"));
    let of_table = |table: &str, values: String| {
        format!(
            "SELECT {hour} AS hour, user_id, team_id, campaign_id, {values} AS n, {zeros} AS c \
             FROM {table} WHERE {time} GROUP BY hour, user_id, team_id, campaign_id"
        )
    };
    let mut parts = Vec::new();
    if which != SumChoice::Orders {
        parts.push(of_table("prospects", list(sums.iter().map(|sum| sum.1.to_owned()).collect())));
    }
    if which != SumChoice::Prospects {
        parts.push(of_table("orders", list(sums.iter().map(|sum| sum.2.to_owned()).collect())));
    }
    parts.push(format!(
        "SELECT hour, user_id, team_id, campaign_id, {zeros}, {} FROM rollup_hourly \
         WHERE {} GROUP BY hour, user_id, team_id, campaign_id",
        list(sums.iter().map(|sum| format!("sum(rollup_hourly.{})", sum.0)).collect()),
        range.hour("hour"),
    ));
    format!(
        "SELECT hour, user_id, team_id, campaign_id, sumForEach(n) AS in_rows, sumForEach(c) AS counted \
         FROM ({}) GROUP BY hour, user_id, team_id, campaign_id HAVING in_rows != counted",
        parts.join(" UNION ALL ")
    )
}

impl Store {
    /// The sums to add within a range.
    pub(super) async fn corrections(&self, range: &TimeRange) -> Result<Sums, StoreError> {
        let sql = differing_sql(range, SumChoice::All);
        let found = self.client().query(&sql).fetch_all::<Differing>().await?;
        let rows = found.iter().filter_map(Differing::correction);
        Ok(rows.map(|row| ((row.hour, row.user_id, row.team_id, row.campaign_id), row)).collect())
    }

    /// The days (since 1970) on which there are rows or sums.
    pub(super) async fn days(&self, range: &TimeRange) -> Result<Vec<i64>, StoreError> {
        let (hour, time) = (hour_sql(), range.time("time"));
        let sql = format!(
            "SELECT DISTINCT toInt64(intDiv(toUnixTimestamp(hour), 86400)) AS day FROM ( \
                 SELECT DISTINCT {hour} AS hour FROM prospects WHERE {time} \
                 UNION ALL SELECT DISTINCT {hour} FROM orders WHERE {time} \
                 UNION ALL SELECT DISTINCT hour FROM rollup_hourly WHERE {} AND ({})) ORDER BY day",
            range.hour("hour"),
            SUMS.map(|sum| format!("rollup_hourly.{} != 0", sum.0)).join(" OR "),
        );
        Ok(self.client().query(&sql).fetch_all().await?)
    }

    /// Returns the hours with duplicates: an order with more than one row, or a prospect with more
    /// rows than the index has.
    pub(super) async fn hours_with_duplicates(&self, range: &TimeRange) -> Result<BTreeSet<u32>, StoreError> {
        let (hour, time) = (hour_sql(), range.time("time"));
        let sql = format!(
            "SELECT DISTINCT {hour} AS hour FROM orders WHERE {time} AND order_id IN ( \
                 SELECT order_id FROM orders WHERE {time} GROUP BY order_id HAVING count() > 1) \
             UNION DISTINCT SELECT DISTINCT {hour} AS hour FROM prospects WHERE {time} AND (prospect_id, time) IN ( \
                 SELECT prospect_id, time FROM (SELECT prospect_id, time, 1 AS n, 0 AS i FROM prospects WHERE {time} \
                     UNION ALL SELECT prospect_id, time, 0, 1 FROM prospect_index WHERE {time}) \
                 GROUP BY prospect_id, time HAVING sum(n) > 1 AND sum(n) > sum(i))"
        );
        Ok(self.client().query(&sql).fetch_all::<u32>().await?.into_iter().collect())
    }
}
