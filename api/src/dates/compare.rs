//! The range that a range is compared with.
//!
//! A range that reaches into today is compared up to the same clock time. Days move on the calendar
//! of the zone, so that a day of 25 hours is compared with whole days.

use chrono::{Days, Months, NaiveDate};

use crate::dates::labels;
use crate::dates::range::{End, Present, Preset, Range, moment, read_end};
use crate::http::query::Params;

const DAYS_A_WEEK: u64 = 7;
/// 52 weeks, so that weekdays are compared with the same weekdays.
const DAYS_A_YEAR: u64 = 364;

/// The words of `compare`, with the names on pages.
pub const WORDS: [(&str, &str); 5] = [
    ("", "Nothing"),
    ("prev", "The period before"),
    ("week", "Whole weeks before"),
    ("year", "The year before, same weekdays"),
    ("custom", "The dates below"),
];

/// The range with which another range is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Unix milliseconds, both ends included.
    pub from_ms: i64,
    pub to_ms: i64,
    /// The last moment of the range itself that is compared.
    pub until_ms: i64,
    /// As "vs week before".
    pub name: String,
    /// As "both until 15:42", if the range is not over yet.
    pub note: Option<String>,
}

/// A distance on the calendar.
#[derive(Debug, Clone, Copy)]
enum Back {
    Days(u64),
    Months(u32),
}

impl Back {
    fn of(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Days(days) => day.checked_sub_days(Days::new(days)),
            Self::Months(months) => day.checked_sub_months(Months::new(months)),
        }
        .unwrap_or(day)
    }
}

impl Comparison {
    /// Reads `compare`. Errors stay in `params`.
    pub fn read(params: &mut Params, range: &Range, present: &Present) -> Option<Self> {
        let word = params.choice("compare", &WORDS.map(|(word, _)| word));
        if word.is_empty() {
            return None;
        }
        if !range.is_bounded() {
            params.fail("compare", "Choose a range with a first and a last day to compare it.");
            return None;
        }
        if word == "custom" {
            return Self::read_custom(params, range, present);
        }
        let n_days = u64::try_from(range.n_days(present.zone)).unwrap_or(1).max(1);
        let whole = |length: u64| n_days.div_ceil(length);
        let (back, name) = match word {
            "week" if whole(DAYS_A_WEEK) == 1 => (Back::Days(DAYS_A_WEEK), "vs week before".to_owned()),
            "week" => {
                let weeks = whole(DAYS_A_WEEK);
                (Back::Days(weeks * DAYS_A_WEEK), format!("vs {weeks} weeks before"))
            }
            "year" => (Back::Days(whole(DAYS_A_YEAR) * DAYS_A_YEAR), "vs year before".to_owned()),
            _ => before(range.preset, n_days),
        };
        Some(Self::moved(range, present, back, name))
    }

    fn moved(range: &Range, present: &Present, back: Back, name: String) -> Self {
        let zone = present.zone;
        let moved = |at_ms: i64| {
            let day = back.of(zone.day_of(at_ms));
            zone.moment(day, zone.clock_ms(at_ms)).unwrap_or(at_ms)
        };
        let other = match range.days {
            Some((first, last)) => Range::of_days(back.of(first), back.of(last), zone),
            None => Range { from_ms: moved(range.from_ms), to_ms: moved(range.to_ms), ..*range },
        };
        let until = until(range, present);
        let to_ms = if until.is_some() { moved(present.now_ms) } else { other.to_ms };
        Self::new(range, present, other.from_ms, to_ms, name)
    }

    fn read_custom(params: &mut Params, range: &Range, present: &Present) -> Option<Self> {
        let ends = [read_end(params, "compare_from"), read_end(params, "compare_to")];
        for (end, name) in ends.iter().zip(["compare_from", "compare_to"]) {
            if end.is_none() && !params.errors().contains_key(name) {
                params.fail(name, "Enter a date to compare with.");
            }
        }
        let (from, to) = (ends[0]?, ends[1]?);
        let from_ms = moment(from, false, present.zone);
        let whole_ms = moment(to, true, present.zone);
        if from_ms > whole_ms {
            params.fail("compare_to", "Ensure this is not before the first day to compare with.");
            return None;
        }
        let to_ms = match to {
            End::Day(day) if until(range, present).is_some() => {
                present.zone.moment(day, present.zone.clock_ms(present.now_ms)).unwrap_or(whole_ms)
            }
            _ => whole_ms,
        };
        let days = match (from, to) {
            (End::Day(first), End::Day(last)) => Some((first, last)),
            _ => None,
        };
        let other = Range { from_ms, to_ms: whole_ms, preset: None, days };
        let name = format!("vs {}", labels::dates(&other, present));
        Some(Self::new(range, present, from_ms, to_ms, name))
    }

    fn new(range: &Range, present: &Present, from_ms: i64, to_ms: i64, name: String) -> Self {
        let until = until(range, present);
        Self {
            from_ms,
            to_ms,
            until_ms: until.unwrap_or(range.to_ms),
            name,
            note: until.map(|at_ms| format!("both until {}", present.zone.format(at_ms, "%H:%M"))),
        }
    }
}

/// Returns the present if the range goes on after it.
fn until(range: &Range, present: &Present) -> Option<i64> {
    let now_ms = present.now_ms;
    (range.from_ms <= now_ms && now_ms < range.to_ms).then_some(now_ms)
}

/// Returns the distance to the period before, and its name.
fn before(preset: Option<Preset>, n_days: u64) -> (Back, String) {
    let (back, name) = match preset {
        Some(Preset::Week | Preset::LastWeek) => (Back::Days(DAYS_A_WEEK), "week"),
        Some(Preset::Month | Preset::LastMonth) => (Back::Months(1), "month"),
        Some(Preset::Year) => (Back::Months(12), "year"),
        Some(Preset::Last24Hours) => (Back::Days(1), "day"),
        _ if n_days == 1 => (Back::Days(1), "day"),
        _ if n_days == DAYS_A_WEEK => (Back::Days(DAYS_A_WEEK), "week"),
        _ => return (Back::Days(n_days), format!("vs {n_days} days before")),
    };
    (back, format!("vs {name} before"))
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::time_zone::TimeZone;

    fn compared(now_ms: i64, query: &str) -> String {
        let zone = TimeZone::find("Europe/Kyiv").unwrap();
        let present = Present { now_ms, zone, week_start: Weekday::Mon };
        let mut params = Params::parse(Some(query));
        let range = Range::read(&mut params, &present, Preset::Last7Days);
        let Some(found) = Comparison::read(&mut params, &range, &present) else {
            return format!("{:?}", params.errors());
        };
        let time = |at_ms| zone.format(at_ms, "%F %T");
        let note = found.note.unwrap_or_default();
        format!("{} to {}, {} {note}", time(found.from_ms), time(found.to_ms), found.name).trim().to_owned()
    }

    /// Friday, 27 November 2026, 15:42:10 in Kyiv.
    const NOW_MS: i64 = 1_795_786_930_000;

    #[test]
    fn a_range_that_is_not_over_is_compared_up_to_the_same_clock_time() {
        for (query, expected) in [
            (
                "range=today&compare=prev",
                "2026-11-26 00:00:00 to 2026-11-26 15:42:10, vs day before both until 15:42",
            ),
            (
                "range=7d&compare=week",
                "2026-11-14 00:00:00 to 2026-11-20 15:42:10, vs week before both until 15:42",
            ),
            (
                "range=month&compare=prev",
                "2026-10-01 00:00:00 to 2026-10-27 15:42:10, vs month before both until 15:42",
            ),
            (
                "range=today&compare=custom&compare_from=2026-11-01&compare_to=2026-11-02",
                "2026-11-01 00:00:00 to 2026-11-02 15:42:10, vs 1-2 Nov both until 15:42",
            ),
            ("range=24h&compare=prev", "2026-11-25 15:30:00 to 2026-11-26 15:42:10, vs day before"),
        ] {
            assert_eq!(compared(NOW_MS, query), expected, "{query}");
        }
    }

    #[test]
    fn past_ranges_are_compared_whole() {
        for (query, expected) in [
            ("range=yesterday&compare=prev", "2026-11-25 00:00:00 to 2026-11-25 23:59:59, vs day before"),
            ("range=7full&compare=prev", "2026-11-13 00:00:00 to 2026-11-19 23:59:59, vs week before"),
            ("range=last_month&compare=prev", "2026-09-01 00:00:00 to 2026-09-30 23:59:59, vs month before"),
            (
                "from=2026-11-01&to=2026-11-10&compare=week",
                "2026-10-18 00:00:00 to 2026-10-27 23:59:59, vs 2 weeks before",
            ),
            (
                "from=2026-11-01&to=2026-11-10&compare=prev",
                "2026-10-22 00:00:00 to 2026-10-31 23:59:59, vs 10 days before",
            ),
            // The same weekday: Sunday, 1 November 2026 and Sunday, 2 November 2025.
            (
                "from=2026-11-01&to=2026-11-01&compare=year",
                "2025-11-02 00:00:00 to 2025-11-02 23:59:59, vs year before",
            ),
        ] {
            assert_eq!(compared(NOW_MS, query), expected, "{query}");
        }
    }

    #[test]
    fn a_skipped_clock_time_is_the_next_moment_and_a_doubled_one_the_first() {
        let kyiv = TimeZone::find("Europe/Kyiv").unwrap();
        // On 30 March at 03:30, compared with the day on which 03:00 to 04:00 was skipped.
        let now_ms = kyiv.moment("2026-03-30".parse().unwrap(), 12_600_000).unwrap();
        assert_eq!(
            compared(now_ms, "range=today&compare=prev"),
            "2026-03-29 00:00:00 to 2026-03-29 04:00:00, vs day before both until 03:30"
        );
        let now_ms = kyiv.moment("2026-10-26".parse().unwrap(), 12_600_000).unwrap();
        assert_eq!(
            compared(now_ms, "range=today&compare=prev"),
            "2026-10-25 00:00:00 to 2026-10-25 03:30:00, vs day before both until 03:30"
        );
    }

    #[test]
    fn what_cannot_be_compared_is_an_error_at_its_field() {
        for (query, name) in [
            ("range=all&compare=prev", "compare"),
            ("compare=never", "compare"),
            ("compare=custom&compare_to=2026-11-01", "compare_from"),
            ("compare=custom&compare_from=x&compare_to=2026-11-01", "compare_from"),
            ("compare=custom&compare_from=2026-11-02&compare_to=2026-11-01", "compare_to"),
        ] {
            assert!(compared(NOW_MS, query).starts_with(&format!("{{\"{name}\"")), "{query}");
        }
    }
}
