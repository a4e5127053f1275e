//! The time range that a comparison is limited to. Its bounds are whole hours in UTC, since the
//! sums are by hour.

use chrono::{DateTime, NaiveDate, NaiveTime};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The last hour that a `DateTime` of ClickHouse can hold (2106-02-07 06:00 UTC). Later events are
/// counted in it.
pub(super) const LAST_HOUR: i64 = 4_294_965_600;

/// The times from one bound until before another. Without bounds: all times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    from_ms: Option<i64>,
    to_ms: Option<i64>,
}

/// Two bounds that are not a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} must be before {1}")]
pub struct RangeError(&'static str, &'static str);

impl TimeRange {
    /// Makes a range of Unix milliseconds, as [`parse_time`] returns them.
    ///
    /// # Errors
    /// If the end is not after the beginning.
    pub fn new(from_ms: Option<i64>, to_ms: Option<i64>) -> Result<Self, RangeError> {
        match (from_ms, to_ms) {
            (Some(from_ms), Some(to_ms)) if from_ms >= to_ms => Err(RangeError("--from", "--to")),
            _ => Ok(Self { from_ms, to_ms }),
        }
    }

    /// Whether the range has no bounds.
    #[must_use]
    pub const fn is_everything(&self) -> bool {
        self.from_ms.is_none() && self.to_ms.is_none()
    }

    /// The first millisecond, if there is a bound.
    #[must_use]
    pub const fn from_ms(&self) -> Option<i64> {
        self.from_ms
    }

    /// Whether a time (Unix milliseconds) lies in the range.
    #[must_use]
    pub fn contains(&self, time_ms: i64) -> bool {
        self.from_ms.is_none_or(|from_ms| time_ms >= from_ms)
            && self.to_ms.is_none_or(|to_ms| time_ms < to_ms)
    }

    /// A condition on a column of milliseconds (`DateTime64(3)`).
    pub(super) fn time(&self, column: &str) -> String {
        let literal = |ms: i64| format!("fromUnixTimestamp64Milli(toInt64({ms}), 'UTC')");
        condition(column, self.from_ms.map(literal), self.to_ms.map(literal))
    }

    /// A condition on a column of seconds (`DateTime`).
    pub(super) fn hour(&self, column: &str) -> String {
        let literal = |ms: i64| format!("toDateTime({}, 'UTC')", ms / 1000);
        condition(column, self.from_ms.map(literal), self.to_ms.map(literal))
    }

    /// The part of this range that lies on a day (days since 1970). The last day includes all
    /// later times.
    pub(super) fn on_day(&self, day: i64) -> Self {
        let (begin, end) = (day * DAY_MS, (day + 1) * DAY_MS);
        let end = (day < LAST_HOUR * 1000 / DAY_MS).then_some(end);
        let from_ms = self.from_ms.map_or(begin, |from_ms| from_ms.max(begin));
        let to_ms = self.to_ms.into_iter().chain(end).min();
        Self { from_ms: Some(from_ms), to_ms }
    }
}

fn condition(column: &str, from: Option<String>, to: Option<String>) -> String {
    let from = from.map(|from| format!("{column} >= {from}"));
    let to = to.map(|to| format!("{column} < {to}"));
    let bounds: Vec<String> = from.into_iter().chain(to).collect();
    if bounds.is_empty() { "true".to_owned() } else { bounds.join(" AND ") }
}

/// Reads a bound: a date (its beginning in UTC) or a time by RFC 3339, at a whole hour. In Unix
/// milliseconds.
///
/// # Errors
/// A sentence for people that says why the text is not a bound.
pub fn parse_time(text: &str) -> Result<i64, String> {
    let of_date = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(of_date);
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.timestamp_millis());
    let time_ms = date.or(time).map_err(|_| {
        "expected a date (2026-11-01) or a time by RFC 3339 (2026-11-01T06:00:00Z)".to_owned()
    })?;
    if time_ms % HOUR_MS != 0 {
        return Err("must be a whole hour in UTC, since the sums are by hour".to_owned());
    }
    if !(0..=LAST_HOUR * 1000).contains(&time_ms) {
        return Err("must be between 1970-01-01 and 2106-02-07T06:00:00Z".to_owned());
    }
    Ok(time_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_date_or_a_whole_hour() {
        assert_eq!(parse_time("2026-11-01"), Ok(1_793_491_200_000));
        assert_eq!(parse_time("2026-11-01T01:00:00Z"), Ok(1_793_494_800_000));
        assert_eq!(parse_time("2026-11-01T02:00:00+01:00"), Ok(1_793_494_800_000));
        for (text, part) in [
            ("yesterday", "RFC 3339"),
            ("2026-11-31", "RFC 3339"),
            ("2026-11-01T01:30:00Z", "whole hour"),
            ("2026-11-01T01:00:00+05:30", "whole hour"),
            ("1969-12-31", "between"),
            ("2200-01-01", "between"),
        ] {
            assert!(parse_time(text).unwrap_err().contains(part), "{text}");
        }
    }

    #[test]
    fn a_range_is_cut_to_days() {
        let all = TimeRange::default();
        assert!(all.is_everything());
        assert_eq!(all.time("time"), "true");
        assert!(TimeRange::new(Some(HOUR_MS), Some(HOUR_MS)).is_err());
        let range = TimeRange::new(Some(HOUR_MS), Some(DAY_MS + HOUR_MS)).unwrap();
        assert_eq!(range.hour("hour"), "hour >= toDateTime(3600, 'UTC') AND hour < toDateTime(90000, 'UTC')");
        assert_eq!(range.on_day(0), TimeRange { from_ms: Some(HOUR_MS), to_ms: Some(DAY_MS) });
        assert_eq!(range.on_day(1), TimeRange { from_ms: Some(DAY_MS), to_ms: Some(DAY_MS + HOUR_MS) });
        let last = LAST_HOUR * 1000 / DAY_MS;
        assert_eq!(all.on_day(last), TimeRange { from_ms: Some(last * DAY_MS), to_ms: None });
    }
}
