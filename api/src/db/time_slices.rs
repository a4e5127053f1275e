//! Fills a page of events from one slice of time after another.
//!
//! The tables of events are sorted by time. For the newest hundred events, ClickHouse begins to
//! read every part with all columns. For a filter that few events match, it reads all parts to
//! their end. A slice limits both, and the first slice fills most pages.

use clickhouse::Client;

use crate::db::clickhouse::fetch_optional;
use crate::db::event_filter::EventFilter;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A table of events and the lengths of its slices. The last slice, without a length, has the rest.
#[derive(Debug, Clone, Copy)]
pub struct Slicing {
    table: &'static str,
    lengths_ms: &'static [i64],
}

pub const PROSPECTS: Slicing = Slicing { table: "prospects", lengths_ms: &[HOUR_MS, DAY_MS, 24 * DAY_MS] };
/// Prospects that contain a text. There is only one short slice, because every slice runs one query
/// for each column.
pub const TEXTS: Slicing = Slicing { table: "prospects", lengths_ms: &[DAY_MS] };
/// Orders. A few in a hundred prospects order, so days of orders are read as fast as an hour of
/// prospects.
pub const ORDERS: Slicing = Slicing { table: "orders", lengths_ms: &[24 * DAY_MS] };
/// Orders of one buyer, team or campaign. Reading that column in all rows takes less time than a
/// second slice.
pub const FEW_ORDERS: Slicing = Slicing { table: "orders", lengths_ms: &[] };

/// All events at once, for an order in which the first may have any time.
pub const WHOLE: Slicing = Slicing { table: "", lengths_ms: &[] };

/// The slices of one page.
pub struct PageSlices<'a> {
    filter: &'a EventFilter,
    slices: Slices,
}

impl<'a> PageSlices<'a> {
    /// Prepares the slices of a page. `now_ms` is the time of the newest events. Later ones, from a
    /// clock that is ahead, belong to the first slice. The time of the oldest event is queried if
    /// the list is ascending and has slices.
    pub async fn new(
        client: &Client,
        slicing: Slicing,
        filter: &'a EventFilter,
        now_ms: u64,
    ) -> clickhouse::error::Result<Self> {
        let (mut from_ms, to_ms) = filter.range_ms();
        if filter.is_ascending && !slicing.lengths_ms.is_empty() {
            from_ms = from_ms.max(earliest_ms(client, slicing.table).await?);
        }
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let lengths_ms = slicing.lengths_ms.iter();
        let slices = Slices { from_ms, to_ms, is_ascending: filter.is_ascending, now_ms, lengths_ms };
        Ok(Self { filter, slices })
    }

    /// Returns the filter of the next slice, for the rest of the page after `n_found` rows; `None`
    /// if the page is full or no slice is left.
    pub fn next(&mut self, n_found: usize) -> Option<EventFilter> {
        let n_missing = self.filter.limit.saturating_sub(u32::try_from(n_found).unwrap_or(u32::MAX));
        if n_missing == 0 {
            return None;
        }
        self.slices.next().map(|(from_ms, to_ms)| self.filter.within(from_ms, to_ms, n_missing))
    }
}

/// Returns the time of the oldest event of a table, from the metadata of its parts; 0 if it is
/// empty.
async fn earliest_ms(client: &Client, table: &'static str) -> clickhouse::error::Result<i64> {
    let sql = format!("SELECT toUnixTimestamp64Milli(min(time)) FROM {table}");
    Ok(fetch_optional(client.query(&sql)).await?.unwrap_or(0))
}

/// The rest of a time range, both ends included, that is still to be cut into slices.
struct Slices {
    from_ms: i64,
    to_ms: i64,
    is_ascending: bool,
    /// The length of a descending slice counts from here if the range ends later.
    now_ms: i64,
    /// Lengths of the remaining slices, except the last.
    lengths_ms: std::slice::Iter<'static, i64>,
}

impl Iterator for Slices {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        if self.from_ms > self.to_ms {
            return None;
        }
        let length_ms = self.lengths_ms.next().copied().unwrap_or(i64::MAX);
        if self.is_ascending {
            let slice = (self.from_ms, self.to_ms.min(self.from_ms.saturating_add(length_ms)));
            self.from_ms = slice.1 + 1;
            Some(slice)
        } else {
            let begin_ms = self.to_ms.min(self.now_ms).saturating_sub(length_ms);
            let slice = (self.from_ms.max(begin_ms), self.to_ms);
            self.to_ms = slice.0 - 1;
            Some(slice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = HOUR_MS;

    fn slices(from_ms: i64, to_ms: i64, now_ms: i64, is_ascending: bool) -> Vec<(i64, i64)> {
        Slices { from_ms, to_ms, is_ascending, now_ms, lengths_ms: PROSPECTS.lengths_ms.iter() }.collect()
    }

    #[test]
    fn the_newest_hour_is_first_and_every_millisecond_is_in_one_slice() {
        let now = 1000 * HOUR;
        let found = slices(0, i64::MAX / 2, now, false);
        assert_eq!(found[..2], [(now - HOUR, i64::MAX / 2), (now - 25 * HOUR - 1, now - HOUR - 1)]);
        assert!(found.windows(2).all(|pair| pair[1].1 + 1 == pair[0].0), "{found:?}");
        assert_eq!(found.last().unwrap().0, 0);
    }

    #[test]
    fn the_oldest_hour_is_first_in_ascending_order() {
        let found = slices(5, 1000 * HOUR, 0, true);
        assert_eq!(found[0], (5, 5 + HOUR));
        assert!(found.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{found:?}");
        assert_eq!(found.last().unwrap().1, 1000 * HOUR);
    }

    #[test]
    fn a_range_is_cut_at_its_ends() {
        for is_ascending in [false, true] {
            assert_eq!(slices(10, 20, 1000, is_ascending), [(10, 20)]);
            assert_eq!(slices(10, 10, 1000, is_ascending), [(10, 10)]);
            assert_eq!(slices(11, 10, 1000, is_ascending), []);
        }
        // The whole range is later than now.
        assert_eq!(slices(5 * HOUR, 9 * HOUR, HOUR, false), [(5 * HOUR, 9 * HOUR)]);
    }
}
