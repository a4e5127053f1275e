//! A page of events, looked for in one slice of time after another until it is full.
//!
//! The tables of events are sorted by time. Asked for the newest hundred of all, ClickHouse begins to read every part with all
//! columns; asked by a filter that few meet, it reads on through all of them. A slice bounds both, and most pages are full
//! with the first.

use clickhouse::Client;

use crate::db::clickhouse::fetch_optional;
use crate::db::event_filter::EventFilter;
use crate::error::ApiError;

/// The length of the first slice.
const FIRST_MS: i64 = 3_600_000;
/// How many times longer each further one is: an hour, a day, 24 days, 576 days.
const GROWTH: i64 = 24;

/// The slices of a page that is to be filled with what a table has.
pub struct Windows<'a> {
    client: &'a Client,
    table: &'static str,
    filter: &'a EventFilter,
    slices: Slices,
    /// Whether it is known where the table begins; the newest page mostly needs not.
    is_bounded: bool,
}

impl<'a> Windows<'a> {
    /// `now_ms` is when the newest events are; those of a clock that is ahead belong to the first slice.
    #[must_use]
    pub fn of(client: &'a Client, table: &'static str, filter: &'a EventFilter, now_ms: i64) -> Self {
        let (from_ms, to_ms) = filter.range_ms();
        let slices =
            Slices { from_ms, to_ms, is_ascending: filter.is_ascending, now_ms, length_ms: FIRST_MS };
        Self { client, table, filter, slices, is_bounded: false }
    }

    /// The filter of the next slice, for what the page still misses after `n_found` rows; `None` when it is full or there is no
    /// further slice.
    ///
    /// # Errors
    /// When ClickHouse fails.
    pub async fn next(&mut self, n_found: usize) -> Result<Option<EventFilter>, ApiError> {
        let n_missing = self.filter.limit.saturating_sub(u32::try_from(n_found).unwrap_or(u32::MAX));
        let is_first = self.slices.length_ms == FIRST_MS;
        if n_missing == 0 {
            return Ok(None);
        }
        if !self.is_bounded && (self.filter.is_ascending || !is_first) {
            let Some(earliest_ms) = earliest_ms(self.client, self.table).await? else { return Ok(None) };
            self.slices.from_ms = self.slices.from_ms.max(earliest_ms);
            self.is_bounded = true;
        }
        Ok(self.slices.next().map(|(from_ms, to_ms)| self.filter.within(from_ms, to_ms, n_missing)))
    }
}

/// When the first event of a table was, by what its parts say of themselves; `None` when there is none.
async fn earliest_ms(client: &Client, table: &'static str) -> Result<Option<i64>, ApiError> {
    let sql = format!("SELECT count(), toUnixTimestamp64Milli(min(time)) FROM {table}");
    let found: Option<(u64, i64)> = fetch_optional(client.query(&sql)).await?;
    Ok(found.filter(|(n, _)| *n > 0).map(|(_, earliest_ms)| earliest_ms))
}

/// What is left of a range of time, both ends included, and how it is cut.
struct Slices {
    from_ms: i64,
    to_ms: i64,
    is_ascending: bool,
    /// What the next slice's length counts from, where the range ends later.
    now_ms: i64,
    length_ms: i64,
}

impl Iterator for Slices {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        if self.from_ms > self.to_ms {
            return None;
        }
        let length_ms = self.length_ms;
        self.length_ms = length_ms.saturating_mul(GROWTH);
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

    const HOUR: i64 = FIRST_MS;

    fn slices(from_ms: i64, to_ms: i64, now_ms: i64, is_ascending: bool) -> Vec<(i64, i64)> {
        Slices { from_ms, to_ms, is_ascending, now_ms, length_ms: FIRST_MS }.collect()
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
