//! Amounts: decimal texts in JSON, whole minor units everywhere else. Never floating point.

use serde::Serialize;

use sluice_schemas::currency::{Currency, exponent};

/// Largest amount, in minor units. Sums of thousands of them fit into 64 bits.
pub const MAX_MINOR: i64 = 999_999_999_999_999;
/// Maximum digits before or after the point. A longer number is out of range anyway.
const MAX_DIGITS: usize = 18;

/// A decimal number, exactly as written except for leading and trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decimal {
    mantissa: i128,
    /// Digits after the point.
    places: u32,
}

impl Decimal {
    /// Parses an optional minus and digits with at most one point between them. Nothing else is a
    /// number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        // A longer part ends in the error "too large" or "too many decimal places", so its exact
        // value does not matter.
        let (whole, fraction) =
            (&whole[..whole.len().min(MAX_DIGITS)], &fraction[..fraction.len().min(MAX_DIGITS)]);
        let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
        Some(Self { mantissa: sign * mantissa, places: u32::try_from(fraction.len()).ok()? })
    }

    /// Returns the amount in whole minor units of a currency.
    ///
    /// # Errors
    /// A message if the amount is less than `least`, too large, or has more decimal places than the
    /// currency.
    pub fn minor(self, currency: Currency, least: i64) -> Result<i64, String> {
        let most = show(MAX_MINOR, currency.code);
        self.scaled(currency.exponent, least, &most)
            .and_then(|minor| if minor > MAX_MINOR { Err(too_large(&most)) } else { Ok(minor) })
    }

    /// Returns the number times ten to the power of `places`.
    ///
    /// # Errors
    /// A message if the number is less than `least`, does not fit into 64 bits, or has more decimal
    /// places. The message names `most` as the maximum.
    pub fn scaled(self, places: u32, least: i64, most: &str) -> Result<i64, String> {
        if self.mantissa < 0 || (self.mantissa == 0 && least > 0) {
            let bound = if least > 0 { "greater than 0" } else { "greater than or equal to 0" };
            return Err(format!("Ensure this value is {bound}."));
        }
        let Some(missing) = places.checked_sub(self.places) else {
            return Err(format!("Ensure that there are no more than {places} decimal places."));
        };
        let scaled =
            self.mantissa.checked_mul(10_i128.pow(missing)).and_then(|scaled| i64::try_from(scaled).ok());
        scaled.ok_or_else(|| too_large(most))
    }
}

fn too_large(most: &str) -> String {
    format!("Ensure this value is less than or equal to {most}.")
}

/// Formats minor units as a decimal text with the decimal places of the currency.
#[must_use]
pub fn show(minor: i64, code: &str) -> String {
    show_scaled(minor, exponent(code))
}

/// Formats a scaled number as a decimal text with `places` decimal places.
#[must_use]
pub fn show_scaled(scaled: i64, places: u32) -> String {
    let sign = if scaled < 0 { "-" } else { "" };
    let (unit, magnitude) = (10_u64.pow(places), scaled.unsigned_abs());
    if places == 0 {
        return format!("{sign}{magnitude}");
    }
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, code: &str) -> Result<i64, String> {
        let decimal = Decimal::parse(text).ok_or("A valid number is required.")?;
        decimal.minor(Currency::parse(code).unwrap(), 1)
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
        for text in
            ["", "-", ".", "1.", ".5", "1e3", "NaN", "inf", "+1", "1,5", "1 000", "١٢", "0x1", "1.2.3", "--1"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
