//! The counts of the pipeline in ClickHouse: outcomes by time, and lanes with the ordinals that
//! their edges gave.

use clickhouse::{Client, Row};
use serde::Deserialize;
use sluice_schemas::chunk::FIRST_ORDINAL;

use crate::db::clickhouse::{fetch_all, fetch_optional};

/// After this long without events, a lane's outcomes and ordinals come from the same batches.
/// Before that, the outcomes may be ahead, because a batch writes them first.
const SETTLE_MS: i64 = 120_000;

/// Outcomes in a slice of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Row, Deserialize)]
pub struct SliceRow {
    /// Unix milliseconds.
    pub at_ms: i64,
    pub stored: u64,
    pub parked: u64,
    pub dropped: u64,
    /// Events that a lane numbered and that never came, before the event of this time.
    pub missing: u64,
    /// Of the parked ones.
    pub replayed: u64,
    pub expired: u64,
}

/// A lane with missing events in a slice of time.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct GapRow {
    pub at_ms: i64,
    pub lane: String,
    pub n_events: u64,
}

/// A lane: the next ordinal that the consumer expects, and the outcomes that it has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRow {
    pub lane: String,
    pub next_ordinal: u64,
    /// When a batch with events of it was stored last.
    pub updated_ms: i64,
    pub stored: u64,
    pub parked: u64,
    pub dropped: u64,
}

#[derive(Debug, Row, Deserialize)]
struct OrdinalRow {
    lane: String,
    next_ordinal: u64,
    updated_ms: i64,
}

#[derive(Debug, Row, Deserialize)]
struct CountRow {
    lane: String,
    stored: u64,
    parked: u64,
    dropped: u64,
}

impl LaneRow {
    /// Events with an outcome.
    #[must_use]
    pub const fn counted(&self) -> u64 {
        self.stored + self.parked + self.dropped
    }

    /// Events that the edge numbered up to here.
    #[must_use]
    pub const fn numbered(&self) -> u64 {
        self.next_ordinal.saturating_sub(FIRST_ORDINAL)
    }

    /// Returns the numbered events without an outcome; negative if more outcomes were counted.
    #[must_use]
    pub const fn difference(&self) -> i64 {
        self.numbered().cast_signed() - self.counted().cast_signed()
    }

    /// Whether outcomes may be ahead of the ordinals because a batch is being written.
    #[must_use]
    pub const fn may_settle(&self, now_ms: i64) -> bool {
        self.difference() < 0 && now_ms - self.updated_ms < SETTLE_MS
    }
}

/// Counts outcomes from one moment to another (Unix seconds, the second excluded), in slices of a
/// number of seconds.
pub async fn slices(
    client: &Client,
    (from_s, to_s): (u32, u32),
    step_s: u32,
) -> clickhouse::error::Result<Vec<SliceRow>> {
    let sql = "SELECT toInt64(intDiv(toUnixTimestamp(minute), {step:UInt32})) * {step:UInt32} * 1000 AS at_ms,
                      sumIf(count, outcome = 'stored') AS stored, sumIf(count, outcome = 'parked') AS parked,
                      sumIf(count, outcome = 'dropped') AS dropped, sumIf(count, outcome = 'missing') AS missing,
                      sumIf(count, outcome = 'replayed') AS replayed, sumIf(count, outcome = 'expired') AS expired
               FROM outcomes
               WHERE stage = 'consumer' AND batches = 0
                 AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC')
               GROUP BY at_ms ORDER BY at_ms";
    fetch_all(client.query(sql).param("step", step_s).param("from", from_s).param("to", to_s)).await
}

/// Returns the lanes with missing events in the same slices, the newest `limit` of them.
pub async fn gaps(
    client: &Client,
    (from_s, to_s): (u32, u32),
    step_s: u32,
    limit: u32,
) -> clickhouse::error::Result<Vec<GapRow>> {
    let sql =
        "SELECT toInt64(intDiv(toUnixTimestamp(minute), {step:UInt32})) * {step:UInt32} * 1000 AS at_ms,
                      lane, sum(count) AS n_events
               FROM outcomes
               WHERE stage = 'consumer' AND outcome = 'missing' AND batches = 0
                 AND minute >= toDateTime({from:UInt32}, 'UTC') AND minute < toDateTime({to:UInt32}, 'UTC')
               GROUP BY at_ms, lane ORDER BY at_ms DESC, lane LIMIT {limit:UInt32}";
    let query = client.query(sql).param("step", step_s).param("from", from_s).param("to", to_s);
    fetch_all(query.param("limit", limit)).await
}

/// Returns the first minute with outcomes (Unix milliseconds).
pub async fn earliest_ms(client: &Client) -> clickhouse::error::Result<Option<i64>> {
    let sql = "SELECT toInt64(toUnixTimestamp(min(minute))) * 1000 FROM outcomes WHERE batches = 0";
    Ok(fetch_optional::<i64>(client.query(sql)).await?.filter(|at_ms| *at_ms > 0))
}

/// Returns all lanes of edges. The ordinals are read before the outcomes: a batch that is being
/// written makes outcomes without ordinals, never ordinals without outcomes.
pub async fn lanes(client: &Client) -> clickhouse::error::Result<Vec<LaneRow>> {
    // Replays and records that are not chunks have other names.
    let ordinals = "SELECT lane, max(next_seq) AS next_ordinal, toInt64(toUnixTimestamp64Milli(max(updated))) AS updated_ms
                    FROM lanes WHERE match(lane, '^[0-9a-f-]{36}/[0-9]+$') GROUP BY lane ORDER BY lane";
    let counts =
        "SELECT lane, sumIf(count, outcome = 'stored') AS stored, sumIf(count, outcome = 'parked') AS parked,
                         sumIf(count, outcome = 'dropped') AS dropped
                  FROM outcomes WHERE stage = 'consumer' AND batches = 0 GROUP BY lane ORDER BY lane";
    let ordinals: Vec<OrdinalRow> = fetch_all(client.query(ordinals)).await?;
    let counts: Vec<CountRow> = fetch_all(client.query(counts)).await?;
    let with_counts = |row: OrdinalRow| {
        let found =
            counts.binary_search_by(|count| count.lane.cmp(&row.lane)).ok().map(|index| &counts[index]);
        let count = |of: fn(&CountRow) -> u64| found.map_or(0, of);
        LaneRow {
            next_ordinal: row.next_ordinal,
            updated_ms: row.updated_ms,
            stored: count(|found| found.stored),
            parked: count(|found| found.parked),
            dropped: count(|found| found.dropped),
            lane: row.lane,
        }
    };
    Ok(ordinals.into_iter().map(with_counts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(next_ordinal: u64, stored: u64) -> LaneRow {
        LaneRow { lane: String::new(), next_ordinal, updated_ms: 0, stored, parked: 2, dropped: 1 }
    }

    #[test]
    fn a_lane_balances_if_each_number_has_an_outcome() {
        assert_eq!((lane(104, 100).numbered(), lane(104, 100).difference()), (103, 0));
        assert_eq!(lane(105, 100).difference(), 1);
        assert_eq!(lane(103, 100).difference(), -1);
        assert_eq!(lane(102, 100).difference(), -2);
        assert!(lane(102, 100).may_settle(SETTLE_MS - 1) && !lane(102, 100).may_settle(SETTLE_MS));
        assert!(!lane(105, 100).may_settle(1), "ordinals without outcomes never settle");
    }
}
