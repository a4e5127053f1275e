//! Writes amounts of money with their digits in groups.

use sluice_schemas::currency::exponent;

use crate::pages::format;

/// Writes minor units with the code, as "1 200.00 USD".
pub(super) fn minor(amount_minor: i64, code: &str) -> String {
    format!("{} {code}", grouped(i128::from(amount_minor), exponent(code)))
}

/// Writes millionths, rounded to the places of the currency, without the code.
pub(super) fn micros(amount_micros: i128, code: &str) -> String {
    let places = exponent(code).min(6);
    let unit = 10_i128.pow(6 - places);
    let half = if amount_micros < 0 { -unit / 2 } else { unit / 2 };
    grouped((amount_micros + half) / unit, places)
}

fn grouped(amount: i128, places: u32) -> String {
    let divisor = 10_u128.pow(places);
    let (whole, rest) = (amount.unsigned_abs() / divisor, amount.unsigned_abs() % divisor);
    let sign = if amount < 0 { "−" } else { "" };
    let mut text = format!("{sign}{}", format::grouped(&whole.to_string()));
    if places > 0 {
        text.push_str(&format!(".{rest:0width$}", width = places as usize));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_places_of_their_currency() {
        assert_eq!(minor(120_000, "USD"), "1\u{202f}200.00 USD");
        assert_eq!(minor(-5, "USD"), "−0.05 USD");
        assert_eq!(minor(1_200_000, "JPY"), "1\u{202f}200\u{202f}000 JPY");
        assert_eq!(micros(12_500_000, "EUR"), "12.50");
        assert_eq!(
            (micros(4_999, "EUR"), micros(5_000, "EUR"), micros(-5_000, "EUR")),
            ("0.00".into(), "0.01".into(), "−0.01".into())
        );
        assert_eq!(micros(1_234_567_890_000_000, "KWD"), "1\u{202f}234\u{202f}567\u{202f}890.000");
    }
}
