//! A page of events, looked for in one slice of time after another until it is full.
//!
//! The tables of events are sorted by time. Asked for the newest hundred of all, ClickHouse begins to read every part with all
//! columns; asked by a filter that few meet, it reads on through all of them. A slice bounds both, and most pages are full
//! with the first.

use clickhouse::Client;

use crate::db::clickhouse::fetch_optional;
use crate::db::event_filter::EventFilter;
use crate::http::error::ApiError;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A table of events, and how long the slices are before the one that has all the rest.
#[derive(Debug, Clone, Copy)]
pub struct Sliced {
    table: &'static str,
    lengths_ms: &'static [i64],
}

pub const PROSPECTS: Sliced = Sliced { table: "prospects", lengths_ms: &[HOUR_MS, DAY_MS, 24 * DAY_MS] };
/// Those with a text: one that is not found within a day is looked for in all the rest, and every slice asks for each place.
pub const TEXTS: Sliced = Sliced { lengths_ms: &[DAY_MS], ..PROSPECTS };
/// A few in a hundred prospects order: days of them are read as fast as an hour.
pub const ORDERS: Sliced = Sliced { table: "orders", lengths_ms: &[24 * DAY_MS] };
/// Those of one buyer, team or campaign: reading the column that says so takes less time than a second slice.
pub const FEW_ORDERS: Sliced = Sliced { lengths_ms: &[], ..ORDERS };

/// The slices of a page that is to be filled with what a table has.
pub struct Windows<'a> {
    filter: &'a EventFilter,
    slices: Slices,
}

impl<'a> Windows<'a> {
    /// `now_ms` is when the newest events are; those of a clock that is ahead belong to the first slice. Where the oldest are,
    /// the table is asked.
    pub async fn of(
        client: &Client,
        sliced: Sliced,
        filter: &'a EventFilter,
        now_ms: u64,
    ) -> Result<Self, ApiError> {
        let (mut from_ms, to_ms) = filter.range_ms();
        if filter.is_ascending {
            from_ms = from_ms.max(earliest_ms(client, sliced.table).await?);
        }
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let lengths_ms = sliced.lengths_ms.iter();
        let slices = Slices { from_ms, to_ms, is_ascending: filter.is_ascending, now_ms, lengths_ms };
        Ok(Self { filter, slices })
    }

    /// The filter of the next slice, for what the page still misses after `n_found` rows; `None` when it is full or there is no
    /// further slice.
    pub fn next(&mut self, n_found: usize) -> Option<EventFilter> {
        let n_missing = self.filter.limit.saturating_sub(u32::try_from(n_found).unwrap_or(u32::MAX));
        if n_missing == 0 {
            return None;
        }
        self.slices.next().map(|(from_ms, to_ms)| self.filter.within(from_ms, to_ms, n_missing))
    }
}

/// When the first event of a table was, by what its parts say of themselves; 0 when there is none.
async fn earliest_ms(client: &Client, table: &'static str) -> Result<i64, ApiError> {
    let sql = format!("SELECT toUnixTimestamp64Milli(min(time)) FROM {table}");
    Ok(fetch_optional(client.query(&sql)).await?.unwrap_or(0))
}

/// What is left of a range of time, both ends included, and how it is cut.
struct Slices {
    from_ms: i64,
    to_ms: i64,
    is_ascending: bool,
    /// What the next slice's length counts from, where the range ends later.
    now_ms: i64,
    /// Of the slices before the last.
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
    fn the_oldest_hour_is_first_when_the_oldest_come_first() {
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
        // All of it later than now.
        assert_eq!(slices(5 * HOUR, 9 * HOUR, HOUR, false), [(5 * HOUR, 9 * HOUR)]);
    }
}
