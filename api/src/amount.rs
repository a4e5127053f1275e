//! Amounts: decimal texts in JSON, whole minor units everywhere else. Never floating point.

use sluice_schemas::currency::{Currency, exponent};
use sluice_schemas::decimal::{self, Decimal};

/// Largest amount, in minor units. Sums of thousands of them fit into 64 bits.
pub const MAX_MINOR: i64 = 999_999_999_999_999;

/// Returns an amount in whole minor units of a currency.
///
/// # Errors
/// A message if the amount is less than `least`, too large, or has more decimal places than the
/// currency.
pub fn to_minor(amount: Decimal, currency: Currency, least: i64) -> Result<i64, String> {
    let most = show(MAX_MINOR, currency.code);
    let minor = to_scaled(amount, currency.exponent, least, &most)?;
    if minor > MAX_MINOR { Err(too_large(&most)) } else { Ok(minor) }
}

/// Returns a number times ten to the power of `places`.
///
/// # Errors
/// A message if the number is less than `least`, does not fit into 64 bits, or has more decimal
/// places. The message names `most` as the maximum.
pub fn to_scaled(number: Decimal, places: u32, least: i64, most: &str) -> Result<i64, String> {
    if number.is_negative() || (number.is_zero() && least > 0) {
        let bound = if least > 0 { "greater than 0" } else { "greater than or equal to 0" };
        return Err(format!("Ensure this value is {bound}."));
    }
    if number.places() > places {
        return Err(format!("Ensure that there are no more than {places} decimal places."));
    }
    number.scaled(places).ok_or_else(|| too_large(most))
}

fn too_large(most: &str) -> String {
    format!("Ensure this value is less than or equal to {most}.")
}

/// Formats minor units as a decimal text with the decimal places of the currency.
#[must_use]
pub fn show(minor: i64, code: &str) -> String {
    decimal::show(minor, exponent(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, code: &str) -> Result<i64, String> {
        let decimal = Decimal::parse(text).ok_or("A valid number is required.")?;
        to_minor(decimal, Currency::parse(code).unwrap(), 1)
    }

    #[test]
    fn amounts_are_exact_and_come_back() {
        for (text, code, expected, shown) in [
            ("12.50", "USD", 1250, "12.50"),
            ("12.5", "USD", 1250, "12.50"),
            ("0012.5000", "USD", 1250, "12.50"),
            ("0.01", "USD", 1, "0.01"),
            ("1000.0", "JPY", 1000, "1000"),
            ("0.001", "KWD", 1, "0.001"),
            ("9999999999999.99", "USD", MAX_MINOR, "9999999999999.99"),
        ] {
            assert_eq!(minor(text, code), Ok(expected), "{text}");
            assert_eq!(show(expected, code), shown);
        }
        assert_eq!(show(-5, "USD"), "-0.05");
        assert_eq!(show(i64::MIN, "JPY"), "-9223372036854775808");
    }

    #[test]
    fn what_is_no_amount_is_refused_with_the_reason() {
        let huge = "9".repeat(90);
        let fine = format!("1.{}1", "0".repeat(60));
        for (text, code, reason) in [
            ("0", "USD", "Ensure this value is greater than 0."),
            ("-1", "USD", "Ensure this value is greater than 0."),
            ("0.001", "USD", "Ensure that there are no more than 2 decimal places."),
            ("0.1", "JPY", "Ensure that there are no more than 0 decimal places."),
            (fine.as_str(), "USD", "Ensure that there are no more than 2 decimal places."),
            ("10000000000000", "USD", "Ensure this value is less than or equal to 9999999999999.99."),
            ("1000000000000000000", "USD", "Ensure this value is less than or equal to 9999999999999.99."),
            (huge.as_str(), "USD", "Ensure this value is less than or equal to 9999999999999.99."),
        ] {
            assert_eq!(minor(text, code), Err(reason.to_owned()), "{text}");
        }
    }
}
