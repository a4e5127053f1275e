//! Cuts a range into hours, days, weeks or months of a zone.
//!
//! An hour that the clocks show twice has two buckets. An hour that they skip has none. A change of
//! clocks within an hour (Lord Howe) cuts that hour.

use chrono::{Datelike as _, Months, NaiveDate};

use crate::dates::labels::{offset, short_day};
use crate::dates::range::{Present, Range, next_day, week_of};
use crate::http::query::start_of_day;
use crate::time_zone::TimeZone;

const HOUR_MS: i64 = 3_600_000;
/// Days that are shown by the hour and by the day.
const MAX_DAYS_BY_HOUR: i64 = 7;
const MAX_DAYS_BY_DAY: i64 = 400;
/// Days that are shown by the week.
const MAX_DAYS_BY_WEEK: i64 = 400 * 7;
/// The most buckets of a range.
pub const MAX_BUCKETS: usize = 1000;

/// The length of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    Hour,
    Day,
    Week,
    Month,
}

impl Interval {
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the word in the address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Returns the interval of a range if none was asked for.
    #[must_use]
    pub fn of(range: &Range, zone: TimeZone) -> Self {
        match range.n_days(zone) {
            days if days <= MAX_DAYS_BY_HOUR => Self::Hour,
            days if days <= MAX_DAYS_BY_DAY => Self::Day,
            days if days <= MAX_DAYS_BY_WEEK => Self::Week,
            _ => Self::Month,
        }
    }

    /// Returns whether a range has at most [`MAX_BUCKETS`] of this length.
    #[must_use]
    pub fn fits(self, range: &Range, zone: TimeZone) -> bool {
        let days = range.n_days(zone);
        let buckets = match self {
            // A day of at most 25 hours, of which one hour may be cut.
            Self::Hour => (range.to_ms - range.from_ms) / HOUR_MS + 2,
            Self::Day => days,
            Self::Week => days / 7 + 2,
            Self::Month => days / 28 + 2,
        };
        usize::try_from(buckets).is_ok_and(|buckets| buckets <= MAX_BUCKETS)
    }
}

/// A part of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Unix milliseconds, both ends included.
    pub from_ms: i64,
    pub to_ms: i64,
    /// The name in a table, as "Sun 25 Oct (25 h)".
    pub label: String,
    /// The name at an axis, as "25 Oct".
    pub short: String,
    /// Whether an axis may show it: of hours, the first of a day.
    pub is_tick: bool,
}

/// Returns the buckets of a range, oldest first.
#[must_use]
pub fn buckets(range: &Range, interval: Interval, present: &Present) -> Vec<Bucket> {
    let this_year = present.zone.day_of(present.now_ms).year();
    let years = [range.from_ms, range.to_ms].map(|at_ms| present.zone.day_of(at_ms).year());
    let with_year = years != [this_year; 2];
    match interval {
        Interval::Hour => hours(range, present.zone, with_year),
        _ => spans(range, interval, present, with_year),
    }
}

fn hours(range: &Range, zone: TimeZone, with_year: bool) -> Vec<Bucket> {
    let mut found: Vec<Bucket> = Vec::new();
    let mut from_ms = range.from_ms;
    while from_ms <= range.to_ms && found.len() < MAX_BUCKETS {
        let whole_ms = from_ms + HOUR_MS - (from_ms + zone.offset_ms(from_ms)).rem_euclid(HOUR_MS);
        let end_ms = zone.next_change_ms(from_ms, whole_ms).unwrap_or(whole_ms);
        let hour = |at_ms: i64| (zone.day_of(at_ms), zone.clock_ms(at_ms) / HOUR_MS);
        // Shown twice: another bucket begins with the same hour under another offset.
        let is_double = [end_ms, found.last().map_or(end_ms, |last| last.from_ms)]
            .iter()
            .any(|near_ms| hour(*near_ms) == hour(from_ms));
        let day = short_day(zone.day_of(from_ms), with_year);
        let clock = zone.format(from_ms, "%H:%M");
        let shown = if is_double { format!("{clock} {}", offset(zone, from_ms)) } else { clock };
        let is_tick = found.last().is_none_or(|last| zone.day_of(last.from_ms) != zone.day_of(from_ms));
        found.push(Bucket {
            from_ms,
            to_ms: (end_ms - 1).min(range.to_ms),
            label: format!("{} {day} {shown}", zone.format(from_ms, "%a")),
            short: day,
            is_tick,
        });
        from_ms = end_ms;
    }
    found
}

fn spans(range: &Range, interval: Interval, present: &Present, with_year: bool) -> Vec<Bucket> {
    let zone = present.zone;
    let mut found = Vec::new();
    let mut first = first_day(zone.day_of(range.from_ms), interval, present);
    let last = zone.day_of(range.to_ms);
    while first <= last && found.len() < MAX_BUCKETS {
        let following = following(first, interval);
        let (from_ms, end_ms) = (start_of_day(first, zone), start_of_day(following, zone));
        // Where a zone crosses the date line, a day is left out.
        if from_ms < end_ms {
            let short = match interval {
                Interval::Month => first.format("%b %Y").to_string(),
                _ => short_day(first, with_year),
            };
            found.push(Bucket {
                from_ms: from_ms.max(range.from_ms),
                to_ms: (end_ms - 1).min(range.to_ms),
                label: match interval {
                    Interval::Week => format!("Week of {short}"),
                    Interval::Month => short.clone(),
                    _ => format!("{} {short}{}", first.format("%a"), odd_length(end_ms - from_ms)),
                },
                short,
                is_tick: true,
            });
        }
        if following <= first {
            break;
        }
        first = following;
    }
    found
}

fn first_day(day: NaiveDate, interval: Interval, present: &Present) -> NaiveDate {
    match interval {
        Interval::Week => week_of(day, present.week_start),
        Interval::Month => day.with_day(1).unwrap_or(day),
        Interval::Hour | Interval::Day => day,
    }
}

fn following(day: NaiveDate, interval: Interval) -> NaiveDate {
    match interval {
        Interval::Week => day.checked_add_days(chrono::Days::new(7)).unwrap_or(day),
        Interval::Month => day.checked_add_months(Months::new(1)).unwrap_or(day),
        Interval::Hour | Interval::Day => next_day(day),
    }
}

/// Returns the length of a day that has not 24 hours, as " (25 h)".
fn odd_length(length_ms: i64) -> String {
    let quarters = length_ms * 4 / HOUR_MS;
    match (quarters / 4, quarters % 4) {
        (24, 0) => String::new(),
        (hours, 0) => format!(" ({hours} h)"),
        (hours, quarters) => format!(" ({hours} h {} min)", quarters * 15),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;

    fn present(zone: &str) -> Present {
        // Friday, 27 November 2026, 13:42:10 UTC.
        Present { now_ms: 1_795_786_930_000, zone: TimeZone::find(zone).unwrap(), week_start: Weekday::Mon }
    }

    fn cut(zone: &str, from: &str, to: &str, interval: Interval) -> Vec<Bucket> {
        let present = present(zone);
        let range = Range::of_days(from.parse().unwrap(), to.parse().unwrap(), present.zone);
        let found = buckets(&range, interval, &present);
        assert_eq!((found[0].from_ms, found.last().unwrap().to_ms), (range.from_ms, range.to_ms));
        assert!(found.windows(2).all(|pair| pair[0].to_ms + 1 == pair[1].from_ms), "{zone}: {found:?}");
        found
    }

    fn labels(found: &[Bucket]) -> Vec<&str> {
        found.iter().map(|bucket| bucket.label.as_str()).collect()
    }

    #[test]
    fn a_doubled_hour_is_two_rows_and_a_skipped_one_none() {
        let back = cut("Europe/Kyiv", "2026-10-25", "2026-10-25", Interval::Hour);
        assert_eq!(back.len(), 25);
        assert_eq!(
            labels(&back[2..6]),
            ["Sun 25 Oct 02:00", "Sun 25 Oct 03:00 +03", "Sun 25 Oct 03:00 +02", "Sun 25 Oct 04:00"]
        );
        let forward = cut("Europe/Kyiv", "2026-03-29", "2026-03-29", Interval::Hour);
        assert_eq!(forward.len(), 23);
        assert_eq!(labels(&forward[2..4]), ["Sun 29 Mar 02:00", "Sun 29 Mar 04:00"]);
        assert_eq!(back.iter().filter(|bucket| bucket.is_tick).count(), 1);
    }

    #[test]
    fn half_an_hour_back_and_forth_is_cut_at_the_change() {
        let back = cut("Australia/Lord_Howe", "2026-04-05", "2026-04-05", Interval::Hour);
        assert_eq!(labels(&back[1..4]), ["Sun 5 Apr 01:00 +11", "Sun 5 Apr 01:30 +10:30", "Sun 5 Apr 02:00"]);
        assert_eq!(back[2].to_ms - back[2].from_ms + 1, HOUR_MS / 2);
        let forward = cut("Australia/Lord_Howe", "2026-10-04", "2026-10-04", Interval::Hour);
        assert_eq!(labels(&forward[1..4]), ["Sun 4 Oct 01:00", "Sun 4 Oct 02:30", "Sun 4 Oct 03:00"]);
        let days = cut("Australia/Lord_Howe", "2026-04-04", "2026-04-06", Interval::Day);
        assert_eq!(labels(&days), ["Sat 4 Apr", "Sun 5 Apr (24 h 30 min)", "Mon 6 Apr"]);
    }

    #[test]
    fn hours_are_those_of_the_clocks() {
        for (zone, minute) in [("Asia/Kolkata", 30), ("Asia/Kathmandu", 15), ("UTC", 0)] {
            let found = cut(zone, "2026-11-21", "2026-11-27", Interval::Hour);
            assert_eq!(found.len(), 7 * 24, "{zone}");
            assert!(found.iter().all(|bucket| bucket.from_ms % HOUR_MS == minute * 60_000), "{zone}");
            assert_eq!(found.iter().filter(|bucket| bucket.is_tick).count(), 7);
        }
    }

    #[test]
    fn days_weeks_and_months_follow_the_calendar() {
        let days = cut("Europe/Kyiv", "2026-10-24", "2026-10-26", Interval::Day);
        assert_eq!(labels(&days), ["Sat 24 Oct", "Sun 25 Oct (25 h)", "Mon 26 Oct"]);
        assert_eq!(
            labels(&cut("Europe/Kyiv", "2026-03-29", "2026-03-29", Interval::Day)),
            ["Sun 29 Mar (23 h)"]
        );
        let weeks = cut("Europe/Kyiv", "2025-12-31", "2026-01-12", Interval::Week);
        assert_eq!(labels(&weeks), ["Week of 29 Dec 2025", "Week of 5 Jan 2026", "Week of 12 Jan 2026"]);
        let months = cut("Europe/Kyiv", "2026-01-31", "2026-03-01", Interval::Month);
        assert_eq!(labels(&months), ["Jan 2026", "Feb 2026", "Mar 2026"]);
        // Samoa left out a day.
        let apia = cut("Pacific/Apia", "2011-12-29", "2011-12-31", Interval::Day);
        assert_eq!(labels(&apia), ["Thu 29 Dec 2011", "Sat 31 Dec 2011"]);
    }

    #[test]
    fn the_interval_follows_from_the_length() {
        let zone = TimeZone::find("Europe/Kyiv").unwrap();
        let of = |from: &str, to: &str| {
            let range = Range::of_days(from.parse().unwrap(), to.parse().unwrap(), zone);
            (Interval::of(&range, zone), Interval::Hour.fits(&range, zone), Interval::Day.fits(&range, zone))
        };
        assert_eq!(of("2026-10-20", "2026-10-26"), (Interval::Hour, true, true));
        assert_eq!(of("2026-10-20", "2026-10-27"), (Interval::Day, true, true));
        assert_eq!(of("2026-01-01", "2026-02-14"), (Interval::Day, false, true));
        assert_eq!(of("2025-01-01", "2026-02-04"), (Interval::Day, false, true));
        assert_eq!(of("2025-01-01", "2026-02-05"), (Interval::Week, false, true));
        assert_eq!(of("1970-01-02", "2100-01-01"), (Interval::Month, false, false));
    }
}
