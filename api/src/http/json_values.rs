//! Formats times, addresses, ids and amounts for responses.

use std::net::Ipv6Addr;

use chrono::{DateTime, SecondsFormat};

/// Formats a time as RFC 3339 in UTC with milliseconds.
#[must_use]
pub fn time(time_ms: i64) -> String {
    DateTime::from_timestamp_millis(time_ms)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Formats an address, an IPv4 one in its own notation; empty if it is masked.
#[must_use]
pub fn ip(address: Ipv6Addr) -> String {
    if address.is_unspecified() { String::new() } else { address.to_canonical().to_string() }
}

/// Converts an id; `None` for 0.
#[must_use]
pub const fn id(id: u64) -> Option<u64> {
    if id == 0 { None } else { Some(id) }
}

/// Formats an amount of millionths as a decimal number with at least two decimal places.
#[must_use]
pub fn amount(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, rest) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let rest = format!("{rest:06}");
    let cut = rest.trim_end_matches('0');
    let places = if cut.len() < 2 { &rest[..2] } else { cut };
    format!("{sign}{whole}.{places}")
}

/// Parses a decimal number with up to 12 digits before and 6 after the point into millionths.
#[must_use]
pub fn micros(text: &str) -> Option<i64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_written = !whole.is_empty() && whole.len() <= 12 && rest.len() <= 6 && !text.ends_with('.');
    if !is_written || !is_digits(whole) || !is_digits(rest) {
        return None;
    }
    let rest = format!("{rest:0<6}");
    Some(whole.parse::<i64>().ok()? * 1_000_000 + rest.parse::<i64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_read() {
        assert_eq!((micros("12.5"), micros("0"), micros("0.000001")), (Some(12_500_000), Some(0), Some(1)));
        for wrong in ["", ".5", "5.", "-1", "1e3", "1.0000001", "1000000000000.0", "\u{661}"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
        assert_eq!(time(1_700_000_000_000), "2023-11-14T22:13:20.000Z");
        assert_eq!(ip("::ffff:192.168.4.1".parse().unwrap()), "192.168.4.1");
        assert_eq!(ip(Ipv6Addr::UNSPECIFIED), "");
        assert_eq!(ip("2001:db8::1".parse().unwrap()), "2001:db8::1");
        assert_eq!(
            (amount(1_500_000), amount(-1), amount(0)),
            ("1.50".into(), "-0.000001".into(), "0.00".into())
        );
    }
}
