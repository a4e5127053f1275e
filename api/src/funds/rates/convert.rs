//! Conversion of amounts between currencies.

use sluice_schemas::currency::exponent;

use crate::amount::MAX_MINOR;
use crate::db::funds::rates::RateRow;

/// One, in billionths.
const ONE_E9: i128 = 1_000_000_000;

/// Converts an amount to the other currency of a rate, in minor units. Rounds up, so that rounding
/// cannot exceed a budget. Returns `None` if the result is larger than any amount may be.
#[must_use]
pub fn convert(minor: i64, from: &str, rate: &RateRow) -> Option<i64> {
    let is_forward = rate.base == from;
    let to = if is_forward { &rate.quote } else { &rate.base };
    let (mut above, mut below) = (i128::from(minor), 1_i128);
    if is_forward {
        above *= i128::from(rate.rate_e9);
        below *= ONE_E9;
    } else {
        above *= ONE_E9;
        below *= i128::from(rate.rate_e9);
    }
    above *= 10_i128.pow(exponent(to));
    below *= 10_i128.pow(exponent(from));
    let up = (above + below - 1) / below;
    i64::try_from(up).ok().filter(|minor| (1..=MAX_MINOR).contains(minor))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn rate(base: &str, quote: &str, rate_e9: i64) -> RateRow {
        let day = NaiveDate::default();
        RateRow { id: 1, base: base.to_owned(), quote: quote.to_owned(), day, rate_e9, version: 1 }
    }

    #[test]
    fn both_directions_and_all_exponents() {
        let euro = rate("EUR", "USD", 1_084_200_000);
        assert_eq!(convert(10_000, "EUR", &euro), Some(10_842));
        assert_eq!(convert(10_842, "USD", &euro), Some(10_000));
        assert_eq!(convert(1, "EUR", &euro), Some(2));
        let yen = rate("USD", "JPY", 150_250_000_000);
        assert_eq!(convert(1_000, "USD", &yen), Some(1_503));
        assert_eq!(convert(1_503, "JPY", &yen), Some(1_001));
        let dinar = rate("KWD", "USD", 3_250_000_000);
        assert_eq!(convert(1_000, "KWD", &dinar), Some(325));
        assert_eq!(convert(MAX_MINOR, "USD", &rate("USD", "IDR", i64::MAX)), None);
        assert_eq!(convert(MAX_MINOR, "USD", &rate("EUR", "USD", 1)), None);
    }
}
