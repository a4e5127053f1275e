//! Reads query parameters one after the other and collects their errors. An empty value counts as
//! missing. A wrong value is a 400 that names the parameter; it is never ignored or guessed.
//! `typed_query.rs` defines the parameters of a request by one struct.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::http::error::{ApiError, FieldErrors};
use crate::time_zone::TimeZone;

/// The default `limit`.
pub const DEFAULT_LIMIT: u32 = 100;
/// The maximum `limit`.
pub const MAX_LIMIT: u32 = 1000;
/// The maximum length of `q`.
const MAX_Q_CHARS: usize = 200;

/// The parameters of a request, and the errors of those that were read so far.
#[derive(Debug, Default)]
pub struct Params {
    values: HashMap<String, String>,
    /// All values that were given, in order.
    pairs: Vec<(String, String)>,
    errors: FieldErrors,
}

/// A time, or a day in a zone that another parameter names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Day(NaiveDate),
    /// Unix milliseconds.
    Time(i64),
}

impl Moment {
    /// Returns the time, or the beginning of the day, in Unix milliseconds.
    #[must_use]
    pub fn start_ms(self, zone: TimeZone) -> i64 {
        match self {
            Self::Day(day) => start_of_day(day, zone).clamp(0, MAX_TIME_MS),
            Self::Time(time_ms) => time_ms,
        }
    }

    /// Returns the time, or the last moment of the day, in Unix milliseconds.
    #[must_use]
    pub fn end_ms(self, zone: TimeZone) -> i64 {
        match self {
            Self::Day(day) => {
                let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
                (start_of_day(next, zone) - 1).clamp(0, MAX_TIME_MS)
            }
            Self::Time(time_ms) => time_ms,
        }
    }
}

/// A time range in Unix milliseconds, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    pub from_ms: i64,
    pub to_ms: i64,
}

impl TimeRange {
    /// Converts both ends for queries of Postgres.
    #[must_use]
    pub fn moments(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let moment = |ms| DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH);
        (moment(self.from_ms), moment(self.to_ms))
    }
}

impl Params {
    /// Parses a query string. The last value of a repeated parameter counts.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if value.contains('\0') {
                params.fail(&name, "Null characters are not allowed.");
            } else if value.is_empty() {
                params.values.remove(name.as_ref());
            } else {
                params.pairs.push((name.to_string(), value.to_string()));
                params.values.insert(name.into_owned(), value.into_owned());
            }
        }
        params
    }

    /// Returns all values of a repeated parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the text of a parameter.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Adds an error to a parameter.
    pub fn fail(&mut self, name: &str, message: impl Into<String>) {
        self.errors.entry(name.to_owned()).or_default().push(message.into());
    }

    /// Reads `limit`.
    pub fn limit(&mut self) -> u32 {
        self.bounded("limit", DEFAULT_LIMIT)
    }

    /// Reads one of some words.
    pub fn word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = words.iter().find(|word| **word == text).copied();
        if found.is_none() {
            let message = format!("\"{text}\" is not a valid choice.");
            self.fail(name, message);
        }
        found
    }

    /// Reads a parameter with a function. `message` makes the error of its text.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        message: impl Fn(&str) -> String,
    ) -> Option<T> {
        let text = self.text(name)?;
        let (found, message) = (parse(text), message(text));
        if found.is_none() {
            self.fail(name, message);
        }
        found
    }

    fn bounded(&mut self, name: &str, default: u32) -> u32 {
        let Some(text) = self.text(name).map(str::to_owned) else { return default };
        let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fail(name, "A valid integer is required.");
        } else if text.starts_with('-') || digits.bytes().all(|byte| byte == b'0') {
            self.fail(name, "Ensure this value is greater than or equal to 1.");
        } else if let Some(limit) = digits.parse().ok().filter(|limit| *limit <= MAX_LIMIT) {
            return limit;
        } else {
            self.fail(name, format!("Ensure this value is less than or equal to {MAX_LIMIT}."));
        }
        default
    }

    /// Reads one of some words; the first of them if none was given.
    pub fn choice(&mut self, name: &str, words: &[&'static str]) -> &'static str {
        self.word(name, words).unwrap_or(words[0])
    }

    /// Reads a text to search for; empty if none was given.
    pub fn search(&mut self, name: &str) -> String {
        let text = self.text(name).unwrap_or_default().trim().to_owned();
        if text.chars().count() > MAX_Q_CHARS {
            self.fail(name, format!("Ensure this field has no more than {MAX_Q_CHARS} characters."));
        }
        text
    }

    /// Reads a parameter that is `true` or `false`.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        self.word(name, &["true", "false"]).map(|word| word == "true")
    }

    /// Reads an id.
    pub fn id(&mut self, name: &str) -> Option<i64> {
        let id = self.text(name)?.parse().ok().filter(|id| *id > 0);
        if id.is_none() {
            self.fail(name, "A valid integer is required.");
        }
        id
    }

    /// Reads the cursor of a list that is sorted by id.
    pub fn id_cursor(&mut self) -> Option<i64> {
        let id = self.text_cursor()?.parse().ok().filter(|id| *id > 0);
        if id.is_none() {
            self.fail("cursor", "Invalid cursor.");
        }
        id
    }

    /// Reads the cursor of a list of events: time and id of the last one of the previous page.
    pub fn event_cursor(&mut self) -> Option<(i64, Uuid)> {
        let text = self.text("cursor")?;
        let read = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
            let (time, id) = bytes.split_at_checked(8)?;
            let time_ms = i64::from_be_bytes(time.try_into().ok()?);
            let is_sane = (0..=MAX_TIME_MS).contains(&time_ms);
            Uuid::from_slice(id).ok().filter(|_| is_sane).map(|id| (time_ms, id))
        });
        if read.is_none() {
            self.fail("cursor", "Invalid cursor.");
        }
        read
    }

    /// Reads the cursor of a list that is sorted by a text.
    pub fn text_cursor(&mut self) -> Option<String> {
        let text = self.text("cursor")?;
        let read = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| !text.contains('\0'));
        if read.is_none() {
            self.fail("cursor", "Invalid cursor.");
        }
        read
    }

    /// Makes a range of `from` and `to`, which were read before. The whole day of `to` is included.
    pub fn range(&mut self, from: Option<Moment>, to: Option<Moment>, zone: TimeZone) -> TimeRange {
        let from_ms = from.map_or(0, |from| from.start_ms(zone));
        let to_ms = to.map_or(MAX_TIME_MS, |to| to.end_ms(zone));
        if from_ms > to_ms && self.errors.is_empty() {
            self.fail("to", "Ensure this is not before \"from\".");
        }
        TimeRange { from_ms, to_ms }
    }

    /// Reads `tz`; `default` if none was given.
    pub fn zone(&mut self, default: TimeZone) -> TimeZone {
        self.known_zone("tz").unwrap_or(default)
    }

    /// Reads the name of a time zone.
    pub fn known_zone(&mut self, name: &str) -> Option<TimeZone> {
        let message = "This is not the name of a time zone, as Europe/Berlin is.";
        self.parsed(name, TimeZone::find, |_| message.to_owned())
    }

    /// Reads a time in RFC 3339, or a date.
    pub fn moment(&mut self, name: &str) -> Option<Moment> {
        let message = "Enter a date as 2026-11-23 or a time as 2026-11-23T08:00:00Z.";
        self.parsed(name, parse_moment, |_| message.to_owned())
    }

    /// Returns the errors so far, for a page that shows them at the fields.
    #[must_use]
    pub fn errors(&self) -> &FieldErrors {
        &self.errors
    }

    /// Returns each message with the name of its parameter.
    pub fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.errors.iter().flat_map(|(name, messages)| {
            messages.iter().map(move |message| (name.as_str(), message.as_str()))
        })
    }

    /// Checks that no parameter has an error.
    ///
    /// # Errors
    /// 400 with messages by parameter.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::fields(self.errors)) }
    }
}

fn parse_moment(text: &str) -> Option<Moment> {
    if let Ok(day) = text.parse() {
        return Some(Moment::Day(day));
    }
    // An unescaped `+` in a query is a space.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok()?;
    Some(Moment::Time(time.timestamp_millis().clamp(0, MAX_TIME_MS)))
}

/// Returns the first moment of a day in a zone, in Unix milliseconds. Where daylight saving time
/// starts at midnight, the day begins later.
#[must_use]
pub fn start_of_day(day: NaiveDate, zone: TimeZone) -> i64 {
    // Of the years without a calendar the late ones are after the end of lists too.
    zone.start_of_day(day).unwrap_or(if day.year() < 0 { 0 } else { MAX_TIME_MS })
}

/// Returns the cursor after an event.
#[must_use]
pub fn event_cursor(time_ms: i64, id: Uuid) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&time_ms.to_be_bytes());
    bytes[8..].copy_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the cursor after a text.
#[must_use]
pub fn text_cursor(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// Replaces one parameter of a query; `None` removes it. Drops empty parameters.
#[must_use]
pub fn with_param(query: Option<&str>, name: &str, value: Option<&str>) -> String {
    let mut written = form_urlencoded::Serializer::new(String::new());
    for (known, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if known != name && !text.is_empty() {
            written.append_pair(&known, &text);
        }
    }
    if let Some(value) = value {
        written.append_pair(name, value);
    }
    written.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(params: &mut Params) -> TimeRange {
        let zone = params.known_zone("tz").unwrap_or(TimeZone::UTC);
        let (from, to) = (params.moment("from"), params.moment("to"));
        params.range(from, to, zone)
    }

    fn error_of(query: &str) -> Option<String> {
        let mut params = Params::parse(Some(query));
        params.limit();
        params.search("q");
        params.id("user_id");
        params.event_cursor();
        range(&mut params);
        params.finish().err().map(|error| error.sentence())
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        for (query, name) in [
            ("limit=-1", "limit"),
            ("limit=0", "limit"),
            ("limit=1000000000000000000000000000000", "limit"),
            ("limit=ten", "limit"),
            ("user_id=9223372036854775808", "user_id"),
            ("user_id=-1", "user_id"),
            ("cursor=x", "cursor"),
            ("cursor=%00", "cursor"),
            ("from=yesterday", "from"),
            ("to=2026-13-01", "to"),
            ("tz=Europe/Nowhere", "tz"),
            ("from=2026-02-01&to=2026-01-01", "to"),
        ] {
            let error = error_of(query);
            assert!(error.as_ref().is_some_and(|error| error.starts_with(name)), "{query}: {error:?}");
        }
        for query in ["", "limit=1000", "from=&to=", "from=2026-11-23T08:00:00+02:00"] {
            assert_eq!(error_of(query), None, "{query}");
        }
    }

    #[test]
    fn dates_are_in_the_zone_and_the_last_is_included() {
        let mut params = Params::parse(Some("from=2026-03-29&to=2026-03-29&tz=Europe/Berlin"));
        let range = range(&mut params);
        // The day on which the clocks go forward has 23 hours.
        assert_eq!(range.to_ms - range.from_ms + 1, 23 * 3_600_000);
        assert_eq!(
            range.from_ms,
            start_of_day("2026-03-28".parse().unwrap(), TimeZone::UTC) + 23 * 3_600_000
        );
        // In Beirut the clocks go forward at midnight: the day begins at one o'clock.
        let late = start_of_day("2026-03-29".parse().unwrap(), TimeZone::find("Asia/Beirut").unwrap());
        assert_eq!(late, start_of_day("2026-03-28".parse().unwrap(), TimeZone::UTC) + 22 * 3_600_000);
    }

    #[test]
    fn cursors_are_read_back() {
        let id = Uuid::now_v7();
        let mut params = Params::parse(Some(&format!("cursor={}", event_cursor(1_700_000_000_000, id))));
        assert_eq!(params.event_cursor(), Some((1_700_000_000_000, id)));
        let mut params = Params::parse(Some(&format!("cursor={}", text_cursor("émile"))));
        assert_eq!(params.text_cursor().as_deref(), Some("émile"));
    }

    #[test]
    fn one_parameter_is_replaced_and_the_others_stay() {
        assert_eq!(with_param(Some("q=a b&cursor=x&from="), "cursor", Some("y")), "q=a+b&cursor=y");
        assert_eq!(with_param(Some("q=a&cursor=x"), "cursor", None), "q=a");
    }
}
