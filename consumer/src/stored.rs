//! The rows that the consumer inserts, and the keys by which they are recognised in their tables.
//!
//! ClickHouse makes one part of the rows of one month in an insert, or of all rows in a table
//! without months. A part is there wholly or not at all.

use chrono::{DateTime, Datelike as _, Months, NaiveTime, Utc};
use clickhouse::{RowOwned, RowWrite};
use sluice_schemas::rows::{
    ChangeRow, LaneRow, OrderContactRow, OrderRow, OrderStatusRow, OriginEditRow, OutcomeRow, ParkedRow,
    ProspectIndexRow, ProspectRow, RollupHourlyRow, VerdictRow,
};
use uuid::Uuid;

/// A table that the consumer inserts into.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub name: &'static str,
    /// The part of the service that is not ready while inserts into the table fail.
    pub readiness: &'static str,
    pub proof: Proof,
}

/// The proof that the rows of a part are in a table.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// The table has as many rows with a row's id and number. The time is a column, if there is
    /// one.
    Rows { id: &'static str, number: &'static str, time: Option<&'static str> },
    /// The table has a row's key with the row's version or a newer one. The id, if there is one,
    /// begins the sorting key.
    Versions { key: &'static str, version: &'static str, id: Option<&'static str> },
    /// The table has the batch's marker, which lies in the part. The time is a column; the key is a
    /// condition on the sorting key.
    Marker { time: &'static str, key: fn(Uuid) -> String },
}

/// The identity of a row in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity<'a> {
    Row {
        id: Uuid,
        number: i64,
    },
    Version {
        key: &'a str,
        version: u64,
        id: Uuid,
    },
    /// A marker at a time (Unix seconds).
    Marker {
        batch: Uuid,
        at: u32,
    },
    /// A sum has no identity. Its marker has one.
    Sum,
}

/// A row of one of the consumer's tables.
pub trait Stored: RowOwned + RowWrite {
    const TABLE: Table;

    /// The key by which the row is recognised in its table.
    fn identity(&self) -> Identity<'_>;

    /// The time (Unix milliseconds) by whose month the table is divided into parts.
    fn time_ms(&self) -> Option<i64>;
}

/// Sums, whose inserts bring a marker.
pub trait Sums: Stored {
    /// The marker of a batch at a moment (Unix seconds), made now.
    fn marker(batch: Uuid, at: u32, made: u32) -> Self;
}

macro_rules! table {
    ($name:literal, $proof:expr) => {
        const TABLE: Table =
            Table { name: $name, readiness: concat!("clickhouse inserts into ", $name), proof: $proof };
    };
}

impl Stored for ProspectRow {
    table!("prospects", Proof::Rows { id: "prospect_id", number: TIME_MS, time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.prospect_id, number: self.time }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for ProspectIndexRow {
    table!("prospect_index", Proof::Rows { id: "prospect_id", number: TIME_MS, time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.prospect_id, number: self.time }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for OrderRow {
    table!("orders", Proof::Rows { id: "order_id", number: TIME_MS, time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.order_id, number: self.time }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for OrderContactRow {
    table!("order_contacts", Proof::Rows { id: "order_id", number: "toInt64(version)", time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.order_id, number: self.version.into() }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for OrderStatusRow {
    table!("order_status", Proof::Rows { id: "change_id", number: "toInt64(0)", time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.change_id, number: 0 }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for ChangeRow {
    table!("changes", Proof::Rows { id: "change_id", number: "toInt64(0)", time: Some("time") });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.change_id, number: 0 }
    }

    fn time_ms(&self) -> Option<i64> {
        Some(self.time)
    }
}

impl Stored for OriginEditRow {
    table!("origin_edits", Proof::Rows { id: "change_id", number: "toInt64(0)", time: None });

    fn identity(&self) -> Identity<'_> {
        Identity::Row { id: self.change_id, number: 0 }
    }

    fn time_ms(&self) -> Option<i64> {
        None
    }
}

impl Stored for ParkedRow {
    table!("parked_log", Proof::Versions { key: "place", version: "version", id: Some("event_id") });

    fn identity(&self) -> Identity<'_> {
        Identity::Version { key: &self.place, version: self.version, id: self.event_id }
    }

    fn time_ms(&self) -> Option<i64> {
        None
    }
}

impl Stored for LaneRow {
    table!("lanes", Proof::Versions { key: "lane", version: "next_seq", id: None });

    fn identity(&self) -> Identity<'_> {
        Identity::Version { key: &self.lane, version: self.next_seq, id: Uuid::nil() }
    }

    fn time_ms(&self) -> Option<i64> {
        None
    }
}

impl Stored for VerdictRow {
    table!("verdicts", Proof::Versions { key: "batch", version: "0", id: None });

    fn identity(&self) -> Identity<'_> {
        Identity::Version { key: &self.batch, version: 0, id: Uuid::nil() }
    }

    fn time_ms(&self) -> Option<i64> {
        None
    }
}

impl Stored for RollupHourlyRow {
    table!("rollup_hourly", Proof::Marker { time: "hour", key: user_of_marker });

    fn identity(&self) -> Identity<'_> {
        identity_of_sum(self.batch, self.hour)
    }

    fn time_ms(&self) -> Option<i64> {
        Some(i64::from(self.hour) * 1000)
    }
}

impl Sums for RollupHourlyRow {
    fn marker(batch: Uuid, at: u32, made: u32) -> Self {
        Self::marker(batch, at, made)
    }
}

impl Stored for OutcomeRow {
    table!("outcomes", Proof::Marker { time: "minute", key: lane_of_marker });

    fn identity(&self) -> Identity<'_> {
        identity_of_sum(self.batch, self.minute)
    }

    fn time_ms(&self) -> Option<i64> {
        Some(i64::from(self.minute) * 1000)
    }
}

impl Sums for OutcomeRow {
    fn marker(batch: Uuid, at: u32, made: u32) -> Self {
        Self::marker(batch, at, made)
    }
}

fn user_of_marker(batch: Uuid) -> String {
    format!("user_id = {}", RollupHourlyRow::marker(batch, 0, 0).user_id)
}

fn lane_of_marker(batch: Uuid) -> String {
    format!("lane = '{}'", OutcomeRow::marker(batch, 0, 0).lane)
}

/// The column `time` in Unix milliseconds.
pub(crate) const TIME_MS: &str = "toUnixTimestamp64Milli(time)";

fn identity_of_sum(batch: Uuid, at: u32) -> Identity<'static> {
    if batch.is_nil() { Identity::Sum } else { Identity::Marker { batch, at } }
}

/// The rows that become one part.
#[derive(Debug)]
pub struct TablePart<'a, R> {
    /// The month as in `202611`; empty in a table without months.
    pub month: String,
    pub rows: Vec<&'a R>,
}

/// Divides rows into the parts that ClickHouse makes of them.
#[must_use]
pub fn parts<R: Stored>(rows: &[R]) -> Vec<TablePart<'_, R>> {
    const DAY_MS: i64 = 24 * 3600 * 1000;
    let mut parts: Vec<TablePart<'_, R>> = Vec::new();
    // Neighbours mostly have the same day, for which the month is computed once.
    let (mut day, mut index) = (None, 0);
    for row in rows {
        let day_of_row = row.time_ms().map(|time_ms| time_ms.div_euclid(DAY_MS));
        if parts.is_empty() || day_of_row != day {
            let month = row.time_ms().map_or_else(String::new, month_of);
            index = parts.iter().position(|part| part.month == month).unwrap_or(parts.len());
            if index == parts.len() {
                parts.push(TablePart { month, rows: Vec::with_capacity(rows.len()) });
            }
            day = day_of_row;
        }
        parts[index].rows.push(row);
    }
    parts
}

fn month_of(time_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
    format!("{:04}{:02}", time.year(), time.month())
}

/// Adds to sums the markers of their batch, one for each month, at its last second.
pub fn add_markers<R: Sums>(rows: &mut Vec<R>, batch: Uuid, made: u32) {
    let ends: Vec<u32> =
        parts(rows).iter().filter_map(|part| part.rows.first()?.time_ms()).map(end_of_month).collect();
    rows.extend(ends.into_iter().map(|at| R::marker(batch, at, made)));
}

/// The last second (Unix) of a time's month, as far as ClickHouse's `DateTime` goes.
fn end_of_month(time_ms: i64) -> u32 {
    let time: DateTime<Utc> = DateTime::from_timestamp_millis(time_ms).unwrap_or_default();
    let first = time.with_time(NaiveTime::MIN).single().and_then(|day| day.with_day(1));
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    next.map_or(u32::MAX, |next| u32::try_from(next.timestamp() - 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(hour: u32) -> RollupHourlyRow {
        RollupHourlyRow::of(hour, 1, 0, 0)
    }

    #[test]
    fn rows_are_divided_by_months() {
        // The last hour of October, the first of November, and October again.
        let rows = [sums(1_793_487_600), sums(1_793_491_200), sums(1_793_487_600)];
        let parts = parts(&rows);
        let found: Vec<_> = parts.iter().map(|part| (part.month.as_str(), part.rows.len())).collect();
        assert_eq!(found, [("202610", 2), ("202611", 1)]);
    }

    #[test]
    fn rows_without_a_time_are_one_part() {
        let row = LaneRow { lane: "a".to_owned(), partition: 0, next_seq: 1, updated: 0 };
        let rows = [row.clone(), row];
        let parts = parts(&rows);
        assert_eq!((parts.len(), parts[0].month.as_str(), parts[0].rows.len()), (1, "", 2));
    }

    #[test]
    fn each_month_has_a_marker_at_its_end() {
        let mut rows = vec![sums(1_793_487_600), sums(1_793_491_200)];
        add_markers(&mut rows, Uuid::max(), 7);
        let markers: Vec<_> = rows.iter().filter(|row| row.batches > 0).map(|row| row.hour).collect();
        // 2026-10-31 23:59:59 and 2026-11-30 23:59:59 UTC.
        assert_eq!(markers, [1_793_491_199, 1_796_083_199]);
        assert_eq!(parts(&rows).len(), 2);
    }

    #[test]
    fn the_last_month_that_a_datetime_can_hold_has_a_marker() {
        let mut rows = vec![sums(u32::MAX / 3600 * 3600)];
        add_markers(&mut rows, Uuid::max(), 7);
        assert_eq!(rows[1].hour, u32::MAX);
        assert_eq!(parts(&rows).len(), 1);
    }
}
