//! Intervals of a report's range, and the offsets of the zone's clocks in it.
//!
//! Bounds are computed here, with the zones that are compiled in, and ClickHouse compares plain
//! numbers. So hours and days are exact in every zone and over every change of clocks.

use crate::dates::buckets::{Bucket, Interval, MAX_BUCKETS, buckets};
use crate::dates::range::{Present, Range, week_of};
use crate::time_zone::TimeZone;

/// A value of a dimension of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The value in the answer.
    pub value: String,
    pub label: String,
    /// First and last moment in Unix milliseconds, if it is an interval.
    pub ends_ms: Option<(i64, i64)>,
}

/// Returns the intervals of a range, or `None` if there are too many.
#[must_use]
pub fn intervals(range: &Range, interval: Interval, present: &Present) -> Option<Vec<Bucket>> {
    interval.fits(range, present.zone).then(|| buckets(range, interval, present))
}

/// Writes an interval as a value of the answer. Even a week that the range cuts is named by its
/// first day.
#[must_use]
pub fn slot(bucket: &Bucket, interval: Interval, present: &Present) -> Slot {
    let zone = present.zone;
    let day = zone.day_of(bucket.from_ms);
    Slot {
        value: match interval {
            Interval::Hour => zone.format(bucket.from_ms, "%Y-%m-%dT%H:%M:%S%:z"),
            Interval::Day => day.to_string(),
            Interval::Week => week_of(day, present.week_start).to_string(),
            Interval::Month => day.format("%Y-%m").to_string(),
        },
        label: bucket.label.clone(),
        ends_ms: Some((bucket.from_ms, bucket.to_ms)),
    }
}

/// Returns the weekdays, Monday first. The value 1 is at index 0.
#[must_use]
pub fn weekdays() -> Vec<Slot> {
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let slot = |(number, name): (usize, &str)| Slot {
        value: (number + 1).to_string(),
        label: name.to_owned(),
        ends_ms: None,
    };
    names.into_iter().enumerate().map(slot).collect()
}

/// Returns the hours of a day.
#[must_use]
pub fn hours_of_day() -> Vec<Slot> {
    let slot = |hour: usize| Slot { value: hour.to_string(), label: format!("{hour:02}:00"), ends_ms: None };
    (0..24).map(slot).collect()
}

/// The changes of clocks in a range: from when on (Unix milliseconds) which offset holds. The first
/// one is the beginning of the range.
#[must_use]
pub fn offsets(from_ms: i64, to_ms: i64, zone: TimeZone) -> (Vec<i64>, Vec<i64>) {
    let (mut changes, mut offsets) = (Vec::new(), Vec::new());
    let mut next = Some(from_ms);
    while let Some(change_ms) = next.filter(|_| changes.len() < MAX_BUCKETS) {
        changes.push(change_ms);
        offsets.push(zone.offset_ms(change_ms));
        next = zone.next_change_ms(change_ms, to_ms.saturating_add(1));
    }
    (changes, offsets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_change_with_the_clocks() {
        let kyiv = TimeZone::find("Europe/Kyiv").unwrap();
        let from_ms = kyiv.start_of_day("2026-03-01".parse().unwrap()).unwrap();
        let to_ms = kyiv.start_of_day("2026-11-01".parse().unwrap()).unwrap();
        let (changes, found) = offsets(from_ms, to_ms, kyiv);
        assert_eq!(found, [7_200_000, 10_800_000, 7_200_000]);
        assert_eq!(changes[0], from_ms);
        assert_eq!(TimeZone::UTC.format(changes[1], "%F %R"), "2026-03-29 01:00");
        assert_eq!(offsets(5, 5, TimeZone::UTC), (vec![5], vec![0]));
    }
}
