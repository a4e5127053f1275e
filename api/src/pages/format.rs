//! Formats values for pages: times in the viewer's zone, grouped digits, shortened texts.

use std::net::Ipv6Addr;

use crate::http::json_values;
use crate::policy::Scope;
use crate::time_zone::TimeZone;

/// Maximum characters of a text in a table cell.
const MAX_CELL_CHARS: usize = 40;

/// Stands for a missing value, such as a ratio with divisor 0.
pub const NONE: &str = "–";

/// A time, as text in a zone and as RFC 3339 in UTC.
#[derive(Debug, Clone)]
pub struct LocalTime {
    pub text: String,
    pub iso: String,
}

impl LocalTime {
    /// Formats a Unix time for a zone.
    #[must_use]
    pub fn new(time_ms: i64, zone: TimeZone) -> Self {
        Self { text: zone.format(time_ms, "%Y-%m-%d %H:%M:%S"), iso: json_values::time(time_ms) }
    }
}

/// A text of a table cell, shortened if it is too long, and the whole text.
#[derive(Debug, Clone)]
pub struct Shortened {
    pub text: String,
    pub whole: String,
}

impl Shortened {
    /// Shortens a text of more than 40 characters.
    #[must_use]
    pub fn new(whole: String) -> Self {
        let text = if whole.chars().count() > MAX_CELL_CHARS {
            whole.chars().take(MAX_CELL_CHARS - 1).chain(['…']).collect()
        } else {
            whole.clone()
        };
        Self { text, whole }
    }

    /// Returns whether the text takes more than one line of a narrow column.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.text.chars().count() > 24 && self.text.contains(' ')
    }

    /// Returns whether the text was shortened.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.text != self.whole
    }
}

/// Formats a whole number with narrow spaces between groups of three digits.
#[must_use]
pub fn number(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(&value.unsigned_abs().to_string()))
}

/// Puts narrow spaces between groups of three digits.
#[must_use]
pub fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Formats a part of a whole in per cent, or [`NONE`] if the whole is 0.
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

/// Returns the words above the figures of a scope.
#[must_use]
pub const fn traffic_of(scope: Scope) -> &'static str {
    match scope {
        Scope::Own => "Your own traffic",
        Scope::Team => "Your team's traffic",
        Scope::All => "All traffic",
    }
}

/// Formats an address; IPv4 in its usual notation.
#[must_use]
pub fn ip(address: Ipv6Addr) -> String {
    json_values::ip(address)
}

/// Writes millionths of a currency with its code; empty for 0.
#[must_use]
pub fn amount(micros: i64, currency: &str) -> String {
    if micros == 0 {
        return String::new();
    }
    let amount = json_values::amount(micros).replace('-', "−");
    format!("{amount} {currency}").trim_end().to_owned()
}

/// Returns the text, or [`NONE`] if it is empty.
#[must_use]
pub fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_read_them() {
        let kolkata = TimeZone::find("Asia/Kolkata").unwrap();
        assert_eq!(LocalTime::new(1_700_000_000_000, kolkata).text, "2023-11-15 03:43:20");
        assert_eq!(
            (number(0), number(1_234_567), number(-999)),
            ("0".into(), "1\u{202f}234\u{202f}567".into(), "−999".into())
        );
        assert_eq!((percent(1, 8), percent(0, 0)), ("12.50\u{202f}%".into(), NONE.into()));
        assert!(Shortened::new("x".repeat(41)).is_cut() && !Shortened::new("x".repeat(40)).is_cut());
    }
}
