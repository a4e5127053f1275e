//! Splits a time range into hours of UTC that the roll-up answers and hours that the raw rows must.
//!
//! `rollup_hourly` has hours of UTC. An hour in which something begins or ends (the range, a day of
//! a zone with half an hour, a membership) is *cut*: its events are counted one by one. So both
//! sources together are exact at every edge.

use clickhouse::query::Query;

use crate::db::scope::EventScope;

pub const HOUR_MS: i64 = 3_600_000;

/// A time range and its cut hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Unix milliseconds, both ends included.
    from_ms: i64,
    to_ms: i64,
    /// Starts of the cut hours in Unix seconds, in order.
    cut: Vec<u32>,
}

impl Hours {
    /// Splits a range at its ends, at `edges` (starts in Unix milliseconds) and at the memberships
    /// of the scope.
    #[must_use]
    pub fn new(from_ms: i64, to_ms: i64, edges: &[i64], scope: &EventScope) -> Self {
        let ends = [from_ms, to_ms.saturating_add(1)];
        let edges = ends.iter().chain(edges).copied().chain(scope.edges_ms());
        let inside = edges.filter(|edge_ms| (from_ms..=to_ms.saturating_add(1)).contains(edge_ms));
        let hours = inside.filter(|edge_ms| edge_ms % HOUR_MS != 0).map(|edge_ms| edge_ms / HOUR_MS * 3600);
        let mut cut: Vec<u32> = hours.filter_map(|start_s| u32::try_from(start_s).ok()).collect();
        cut.sort_unstable();
        cut.dedup();
        Self { from_ms, to_ms, cut }
    }

    /// Returns whether the range has an hour that is not cut.
    #[must_use]
    pub fn has_whole(&self) -> bool {
        let n_hours = self.to_ms / HOUR_MS - self.from_ms / HOUR_MS + 1;
        i64::try_from(self.cut.len()).is_ok_and(|n_cut| n_cut < n_hours) && self.from_ms <= self.to_ms
    }

    /// Returns whether an hour is cut.
    #[must_use]
    pub fn has_cut(&self) -> bool {
        !self.cut.is_empty() && self.from_ms <= self.to_ms
    }

    /// Returns the condition for rows of the roll-up.
    #[must_use]
    pub fn rollup_sql(&self) -> &'static str {
        "hour >= toDateTime(intDiv({from_ms:Int64}, 1000), 'UTC')
         AND hour <= toDateTime(intDiv({to_ms:Int64}, 1000), 'UTC')
         AND batches = 0 AND hour NOT IN {cut:Array(DateTime('UTC'))}"
    }

    /// Returns the condition for rows with a `time`.
    #[must_use]
    pub fn events_sql(&self) -> &'static str {
        // The hours as a set prune the parts by the primary key. If all are cut, they are the
        // range.
        if self.has_whole() {
            "time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND time <= fromUnixTimestamp64Milli({to_ms:Int64})
             AND toStartOfHour(time) IN {cut:Array(DateTime('UTC'))}"
        } else {
            "time >= fromUnixTimestamp64Milli({from_ms:Int64}) AND time <= fromUnixTimestamp64Milli({to_ms:Int64})"
        }
    }

    /// Binds the parameters of the conditions above.
    pub fn bind(&self, query: Query) -> Query {
        query.param("from_ms", self.from_ms).param("to_ms", self.to_ms).param("cut", &self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_S: u32 = 3600;

    fn hours(from_ms: i64, to_ms: i64, edges: &[i64]) -> Hours {
        Hours::new(from_ms, to_ms, edges, &EventScope::default())
    }

    #[test]
    fn hours_with_an_edge_are_cut() {
        let whole = hours(0, 24 * HOUR_MS - 1, &[HOUR_MS, 2 * HOUR_MS]);
        assert!(whole.has_whole() && !whole.has_cut());
        let day = hours(HOUR_MS / 2, 24 * HOUR_MS + HOUR_MS / 2 - 1, &[5 * HOUR_MS + 1, 30 * HOUR_MS + 1]);
        assert_eq!(day.cut, [0, 5 * HOUR_S, 24 * HOUR_S]);
        assert!(day.has_whole() && day.has_cut());
        let edges: Vec<i64> = (0..3).map(|hour| hour * HOUR_MS + HOUR_MS / 4).collect();
        let all = hours(0, 3 * HOUR_MS - 1, &edges);
        assert!(!all.has_whole() && all.has_cut());
        let none = hours(10, 9, &[]);
        assert!(!none.has_whole() && !none.has_cut());
        // The last millisecond of an hour is a part of it, the next one is not.
        assert_eq!(hours(0, HOUR_MS - 2, &[]).cut, [0]);
        assert_eq!(hours(0, HOUR_MS, &[]).cut, [HOUR_S]);
    }
}
