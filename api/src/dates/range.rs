//! Ranges of dates: the words of `range`, and `from` and `to`, resolved to moments in a zone.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Weekday};

use crate::db::MAX_TIME_MS;
use crate::http::query::{Params, start_of_day};
use crate::time_zone::TimeZone;

const DAY_MS: i64 = 86_400_000;
const NO_DATE: &str = "Enter a date as 2026-11-23 or a time as 2026-11-23T08:00:00Z.";

/// The present, as the viewer reads it.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    pub now_ms: i64,
    pub zone: TimeZone,
    pub week_start: Weekday,
}

/// A word of the parameter `range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Today,
    Yesterday,
    Last24Hours,
    Last7Days,
    /// Without today.
    Full7Days,
    Last14Days,
    Last30Days,
    Week,
    LastWeek,
    Month,
    LastMonth,
    Year,
    All,
}

impl Preset {
    /// All of them, in the order of the control.
    pub const ALL: [Self; 13] = [
        Self::Today,
        Self::Yesterday,
        Self::Last24Hours,
        Self::Last7Days,
        Self::Full7Days,
        Self::Last14Days,
        Self::Last30Days,
        Self::Week,
        Self::LastWeek,
        Self::Month,
        Self::LastMonth,
        Self::Year,
        Self::All,
    ];

    /// Returns the word in the address.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
            Self::Last24Hours => "24h",
            Self::Last7Days => "7d",
            Self::Full7Days => "7full",
            Self::Last14Days => "14d",
            Self::Last30Days => "30d",
            Self::Week => "week",
            Self::LastWeek => "last_week",
            Self::Month => "month",
            Self::LastMonth => "last_month",
            Self::Year => "year",
            Self::All => "all",
        }
    }

    /// Returns the name on pages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Yesterday => "Yesterday",
            Self::Last24Hours => "Last 24 hours",
            Self::Last7Days => "Last 7 days",
            Self::Full7Days => "Last 7 full days",
            Self::Last14Days => "Last 14 days",
            Self::Last30Days => "Last 30 days",
            Self::Week => "This week",
            Self::LastWeek => "Last week",
            Self::Month => "This month",
            Self::LastMonth => "Last month",
            Self::Year => "This year",
            Self::All => "All dates",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.word() == word)
    }
}

/// An end of a range as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Day(NaiveDate),
    Moment(i64),
}

/// A resolved range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Unix milliseconds, both ends included.
    pub from_ms: i64,
    pub to_ms: i64,
    /// `None` if `from` or `to` was given.
    pub preset: Option<Preset>,
    /// The first and the last day, if the range is of whole days.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

impl Range {
    /// Makes a range of whole days.
    #[must_use]
    pub fn of_days(first: NaiveDate, last: NaiveDate, zone: TimeZone) -> Self {
        let from_ms = start_of_day(first, zone).clamp(0, MAX_TIME_MS);
        let to_ms = (start_of_day(next_day(last), zone) - 1).clamp(0, MAX_TIME_MS);
        // Days beyond all lists are at one moment.
        let to_ms = if first <= last { to_ms.max(from_ms) } else { to_ms };
        Self { from_ms, to_ms, preset: None, days: Some((first, last)) }
    }

    /// Resolves a word.
    #[must_use]
    pub fn of_preset(preset: Preset, present: &Present) -> Self {
        let today = present.zone.day_of(present.now_ms);
        let back = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
        let week = week_of(today, present.week_start);
        let month = today.with_day(1).unwrap_or(today);
        let (first, last) = match preset {
            Preset::Today => (today, today),
            Preset::Yesterday => (back(1), back(1)),
            Preset::Last24Hours => {
                // From a whole quarter of an hour, like every other range.
                let from_ms = (present.now_ms - DAY_MS).div_euclid(900_000) * 900_000;
                return Self { from_ms, to_ms: present.now_ms, preset: Some(preset), days: None };
            }
            Preset::Last7Days => (back(6), today),
            Preset::Full7Days => (back(7), back(1)),
            Preset::Last14Days => (back(13), today),
            Preset::Last30Days => (back(29), today),
            Preset::Week => (week, today),
            Preset::LastWeek => (days_before(week, 7), days_before(week, 1)),
            Preset::Month => (month, today),
            Preset::LastMonth => {
                (month.checked_sub_months(Months::new(1)).unwrap_or(month), days_before(month, 1))
            }
            Preset::Year => (month.with_month(1).unwrap_or(month), today),
            Preset::All => {
                return Self { from_ms: 0, to_ms: MAX_TIME_MS, preset: Some(preset), days: None };
            }
        };
        Self { preset: Some(preset), ..Self::of_days(first, last, present.zone) }
    }

    /// Reads `range`, `from` and `to`. Errors stay in `params`, and the default is returned.
    pub fn read(params: &mut Params, present: &Present, default: Preset) -> Self {
        let preset = read_preset(params, default);
        let (from, to) = (read_end(params, "from"), read_end(params, "to"));
        if from.is_none() && to.is_none() {
            return Self::of_preset(preset, present);
        }
        let range = Self::between(from, to, present, default);
        let is_reversed = range.days.is_some_and(|(first, last)| first > last);
        if is_reversed || range.from_ms > range.to_ms {
            params.fail("to", "Ensure this is not before \"from\".");
            return Self::of_preset(default, present);
        }
        range
    }

    /// Resolves two ends. One that is missing is that of all dates where the page shows all, else
    /// it makes seven days, or ends today.
    fn between(from: Option<End>, to: Option<End>, present: &Present, default: Preset) -> Self {
        let zone = present.zone;
        let is_all = default == Preset::All;
        let day = |end: End| match end {
            End::Day(day) => day,
            End::Moment(at_ms) => zone.day_of(at_ms),
        };
        let from = from.or_else(|| Some(End::Day(days_before(day(to?), 6))).filter(|_| !is_all));
        let today = zone.day_of(present.now_ms);
        let to = to.or_else(|| Some(End::Day(today.max(day(from?)))).filter(|_| !is_all));
        if let (Some(End::Day(first)), Some(End::Day(last))) = (from, to) {
            return Self::of_days(first, last, zone);
        }
        let from_ms = from.map_or(0, |end| moment(end, false, zone));
        let to_ms = to.map_or(MAX_TIME_MS, |end| moment(end, true, zone));
        Self { from_ms, to_ms, preset: None, days: None }
    }

    /// Returns whether the range has a beginning and an end of its own.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.from_ms > 0 && self.to_ms < MAX_TIME_MS
    }

    /// Returns the number of days that the range touches.
    #[must_use]
    pub fn n_days(&self, zone: TimeZone) -> i64 {
        (zone.day_of(self.to_ms) - zone.day_of(self.from_ms)).num_days() + 1
    }
}

fn read_preset(params: &mut Params, default: Preset) -> Preset {
    let Some(word) = params.text("range").map(str::to_owned) else { return default };
    Preset::parse(&word).unwrap_or_else(|| {
        params.fail("range", format!("\"{word}\" is not a valid choice."));
        default
    })
}

/// Reads an end of a range: a date, or a time in RFC 3339.
pub fn read_end(params: &mut Params, name: &str) -> Option<End> {
    let text = params.text(name)?.to_owned();
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(End::Day(day));
    }
    // An unescaped `+` in a query is a space.
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
        return Some(End::Moment(time.timestamp_millis()));
    }
    params.fail(name, NO_DATE);
    None
}

/// Returns the moment of an end; the whole day of a date at the end of a range is included.
#[must_use]
pub fn moment(end: End, is_end: bool, zone: TimeZone) -> i64 {
    let at_ms = match end {
        End::Moment(at_ms) => at_ms,
        End::Day(day) if is_end => start_of_day(next_day(day), zone) - 1,
        End::Day(day) => start_of_day(day, zone),
    };
    at_ms.clamp(0, MAX_TIME_MS)
}

/// Returns the first day of the week of a day.
#[must_use]
pub fn week_of(day: NaiveDate, week_start: Weekday) -> NaiveDate {
    days_before(day, u64::from(day.weekday().days_since(week_start)))
}

/// Returns the day that many days earlier.
#[must_use]
pub fn days_before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

/// Returns the following day.
#[must_use]
pub fn next_day(day: NaiveDate) -> NaiveDate {
    day.checked_add_days(Days::new(1)).unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Friday, 27 November 2026, 15:42:10 in Kyiv.
    const NOW_MS: i64 = 1_795_786_930_000;

    fn present(zone: &str) -> Present {
        Present { now_ms: NOW_MS, zone: TimeZone::find(zone).unwrap(), week_start: Weekday::Mon }
    }

    fn days(query: &str, default: Preset) -> String {
        let mut params = Params::parse(Some(query));
        let range = Range::read(&mut params, &present("Europe/Kyiv"), default);
        assert!(params.errors().is_empty(), "{query}: {:?}", params.errors());
        let zone = TimeZone::find("Europe/Kyiv").unwrap();
        let whole = if range.days.is_some() { "" } else { " cut" };
        format!("{} {}{whole}", zone.format(range.from_ms, "%F %T"), zone.format(range.to_ms, "%F %T"))
    }

    #[test]
    fn every_word_has_its_days() {
        for (word, from, to) in [
            ("today", "2026-11-27", "2026-11-27"),
            ("yesterday", "2026-11-26", "2026-11-26"),
            ("7d", "2026-11-21", "2026-11-27"),
            ("7full", "2026-11-20", "2026-11-26"),
            ("14d", "2026-11-14", "2026-11-27"),
            ("30d", "2026-10-29", "2026-11-27"),
            ("week", "2026-11-23", "2026-11-27"),
            ("last_week", "2026-11-16", "2026-11-22"),
            ("month", "2026-11-01", "2026-11-27"),
            ("last_month", "2026-10-01", "2026-10-31"),
            ("year", "2026-01-01", "2026-11-27"),
        ] {
            let found = days(&format!("range={word}"), Preset::Last7Days);
            assert_eq!(found, format!("{from} 00:00:00 {to} 23:59:59"), "{word}");
        }
        assert_eq!(days("range=24h", Preset::All), "2026-11-26 15:30:00 2026-11-27 15:42:10 cut");
        assert_eq!(days("", Preset::Last7Days), days("range=7d", Preset::All));
        let all = Range::of_preset(Preset::All, &present("UTC"));
        assert_eq!((all.from_ms, all.to_ms), (0, MAX_TIME_MS));
        for preset in Preset::ALL {
            assert_eq!(Preset::parse(preset.word()), Some(preset));
        }
    }

    #[test]
    fn dates_beat_the_word_and_empty_ones_are_not_given() {
        let both = "2026-11-01 00:00:00 2026-11-03 23:59:59";
        assert_eq!(days("range=today&from=2026-11-01&to=2026-11-03", Preset::Last7Days), both);
        assert_eq!(days("range=yesterday&from=&to=", Preset::All), days("range=yesterday", Preset::All));
        assert_eq!(days("from=2026-11-25", Preset::Last7Days), "2026-11-25 00:00:00 2026-11-27 23:59:59");
        assert_eq!(days("from=2027-01-02", Preset::Last7Days), "2027-01-02 00:00:00 2027-01-02 23:59:59");
        assert_eq!(days("to=2026-10-07", Preset::Last7Days), "2026-10-01 00:00:00 2026-10-07 23:59:59");
        assert!(days("to=2026-10-07", Preset::All).starts_with("1970-01-01 03:00:00 2026-10-07 23:59:59"));
        let cut = "2026-11-23 10:00:00 2026-11-23 23:59:59 cut";
        assert_eq!(days("from=2026-11-23T08:00:00Z&to=2026-11-23", Preset::Last7Days), cut);
        // The day on which the clocks go back has 25 hours.
        let mut params = Params::parse(Some("from=2026-10-25&to=2026-10-25"));
        let range = Range::read(&mut params, &present("Europe/Kyiv"), Preset::All);
        assert_eq!(range.to_ms - range.from_ms + 1, 25 * 3_600_000);
    }

    #[test]
    fn nonsense_is_an_error_at_its_field() {
        for (query, name) in [
            ("range=fortnight", "range"),
            ("from=yesterday", "from"),
            ("to=2026-13-01", "to"),
            ("from=2026-11-20&to=2026-11-19", "to"),
            ("from=2026-11-20T10:00:00Z&to=2026-11-20T09:00:00Z", "to"),
        ] {
            let mut params = Params::parse(Some(query));
            Range::read(&mut params, &present("UTC"), Preset::Last7Days);
            assert_eq!(params.errors().keys().collect::<Vec<_>>(), [name], "{query}");
        }
        // Dates that no list has are accepted and empty.
        for query in ["from=9999-12-31&to=9999-12-31", "from=0001-01-01&to=0001-01-02", "from=-9999-01-01"] {
            days(query, Preset::All);
            days(query, Preset::Last7Days);
        }
    }

    #[test]
    fn weeks_begin_on_the_day_that_is_set() {
        let sunday = Present { week_start: Weekday::Sun, ..present("Europe/Kyiv") };
        let week = Range::of_preset(Preset::Week, &sunday);
        assert_eq!(week.days.unwrap().0.to_string(), "2026-11-22");
        let last = Range::of_preset(Preset::LastWeek, &sunday);
        assert_eq!(last.days.unwrap().1.to_string(), "2026-11-21");
    }
}
