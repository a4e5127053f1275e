//! Formats times, addresses, ids and amounts for responses.

use std::net::Ipv6Addr;

use chrono::{DateTime, Utc};
use sluice_schemas::decimal::{Decimal, MICROS_PLACES};
use sluice_schemas::rows::Micros;

pub use sluice_runtime::clock::time_text as time;
pub use sluice_schemas::decimal::show_micros as amount;

/// Formats a time of the database, if there is one.
#[must_use]
pub fn optional_time(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(|at| time(at.timestamp_millis()))
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

/// Parses a decimal number with up to 12 digits before and 6 after the point into millionths.
#[must_use]
pub fn micros(text: &str) -> Option<Micros> {
    let is_exact = |number: &Decimal| !number.is_negative() && number.places() <= MICROS_PLACES;
    Decimal::parse(text).filter(is_exact)?.micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_read() {
        assert_eq!((micros("12.5"), micros("0"), micros("0.000001")), (Some(12_500_000), Some(0), Some(1)));
        for wrong in ["", "-1", "1e3", "1.0000001", "1000000000000.0", "\u{661}"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
        assert_eq!(ip("::ffff:192.168.4.1".parse().unwrap()), "192.168.4.1");
        assert_eq!(ip(Ipv6Addr::UNSPECIFIED), "");
        assert_eq!(ip("2001:db8::1".parse().unwrap()), "2001:db8::1");
    }
}
