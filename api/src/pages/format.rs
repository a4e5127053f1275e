//! Values as pages show them: times in the viewer's zone, numbers with thousands apart, long texts cut.

use std::net::Ipv6Addr;

use chrono::DateTime;
use chrono_tz::Tz;

use crate::http::json_values;

/// The most characters of a text in a table.
const MAX_CELL_CHARS: usize = 40;

/// What stands where there is no value: a divisor of 0, a name that nobody has.
pub const NONE: &str = "–";

/// A moment, for people and for programs.
#[derive(Debug, Clone)]
pub struct LocalTime {
    pub text: String,
    pub iso: String,
}

impl LocalTime {
    /// In a zone.
    #[must_use]
    pub fn new(time_ms: i64, zone: Tz) -> Self {
        let time = DateTime::from_timestamp_millis(time_ms).unwrap_or(DateTime::UNIX_EPOCH);
        let text = time.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
        Self { text, iso: json_values::time(time_ms) }
    }
}

/// A text for a cell, and the whole of it when it was cut.
#[derive(Debug, Clone)]
pub struct Cell {
    pub text: String,
    pub whole: String,
}

impl Cell {
    /// Cuts what is too long.
    #[must_use]
    pub fn new(whole: String) -> Self {
        let text = if whole.chars().count() > MAX_CELL_CHARS {
            whole.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
        } else {
            whole.clone()
        };
        Self { text, whole }
    }

    /// Whether something is not shown.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.text != self.whole
    }
}

/// A whole number with its thousands apart by narrow spaces.
#[must_use]
pub fn number(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "−" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole in per cent, or nothing when the whole is 0.
#[must_use]
pub fn percent(part: i64, whole: i64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    // Counts are far below 2^52.
    #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
    let value = part as f64 * 100.0 / whole as f64;
    format!("{value:.2}\u{202f}%")
}

/// An address as people write it.
#[must_use]
pub fn ip(address: Ipv6Addr) -> String {
    json_values::ip(address)
}

/// The text, or the sign for none.
#[must_use]
pub fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_read_them() {
        assert_eq!(LocalTime::new(1_700_000_000_000, Tz::Europe__Berlin).text, "2023-11-14 23:13:20");
        assert_eq!(
            (number(0), number(1_234_567), number(-999)),
            ("0".into(), "1\u{202f}234\u{202f}567".into(), "−999".into())
        );
        assert_eq!((percent(1, 8), percent(0, 0)), ("12.50\u{202f}%".into(), NONE.into()));
        assert!(Cell::new("x".repeat(41)).is_cut() && !Cell::new("x".repeat(40)).is_cut());
    }
}
