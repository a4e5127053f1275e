//! Decimal numbers of people and programs, read and written without floating point.
//!
//! The grammar is the same everywhere: digits with at most one point, on at least one side of it,
//! and an optional minus before them. Each caller decides what to do with a number that is too
//! large, too precise or negative: reports drop digits after the sixth, the API refuses them.

use serde::Serialize;

use crate::rows::{MAX_MICROS, Micros};

/// More digits than this, before or after the point, fit no column.
const MAX_DIGITS: usize = 18;
/// The decimal places of [`Micros`].
pub const MICROS_PLACES: u32 = 6;

/// A decimal number. Two numbers are equal if their values are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Decimal {
    /// The number without its point.
    mantissa: i128,
    /// The number of digits after the point. The last one is not zero.
    places: u32,
}

impl Decimal {
    /// Reads a number. Digits after the eighteenth of either side are dropped, not counting leading
    /// and trailing zeros: such a number is too large or too precise in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (whole, _) = number_of(whole.trim_start_matches('0'))?;
        let (fraction, places) = number_of(fraction.trim_end_matches('0'))?;
        let mantissa = i128::from(whole) * 10_i128.pow(places) + i128::from(fraction);
        Some(Self { mantissa: sign * mantissa, places })
    }

    /// Returns whether the number is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Returns whether the number is zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Returns the number of digits after the point, without trailing zeros.
    #[must_use]
    pub const fn places(self) -> u32 {
        self.places
    }

    /// Returns the number times ten to the power of `places`, without further digits; `None` if it
    /// does not fit.
    #[must_use]
    pub fn scaled(self, places: u32) -> Option<i64> {
        let scaled = match places.checked_sub(self.places) {
            Some(missing) => self.mantissa.checked_mul(10_i128.checked_pow(missing)?)?,
            None => self.mantissa / 10_i128.pow(self.places - places),
        };
        i64::try_from(scaled).ok()
    }

    /// Returns millionths, without digits after the sixth; `None` if they exceed the column.
    #[must_use]
    pub fn micros(self) -> Option<Micros> {
        self.scaled(MICROS_PLACES).filter(|micros| (-MAX_MICROS..=MAX_MICROS).contains(micros))
    }
}

/// Returns the value of the first digits and their number; `None` if there is anything but digits.
fn number_of(digits: &str) -> Option<(u64, u32)> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kept = &digits.as_bytes()[..digits.len().min(MAX_DIGITS)];
    let number = kept.iter().fold(0, |number, byte| number * 10 + u64::from(byte - b'0'));
    Some((number, u32::try_from(kept.len()).ok()?))
}

/// Writes a number that was multiplied by ten to the power of `places`, with that many places.
#[must_use]
pub fn show(scaled: i64, places: u32) -> String {
    let sign = if scaled < 0 { "-" } else { "" };
    let (unit, magnitude) = (10_u64.pow(places), scaled.unsigned_abs());
    if places == 0 {
        return format!("{sign}{magnitude}");
    }
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit, width = places as usize)
}

/// Writes millionths without trailing zeros after the second place.
#[must_use]
pub fn show_micros(micros: Micros) -> String {
    let mut text = show(micros, MICROS_PLACES);
    let n_significant = text.trim_end_matches('0').len();
    text.truncate(n_significant.max(text.len() - 4));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Option<Micros> {
        Decimal::parse(text)?.micros()
    }

    #[test]
    fn numbers_are_exact() {
        for (text, expected) in [
            ("0.05", 50_000),
            ("12", 12_000_000),
            ("0012.5000", 12_500_000),
            (".5", 500_000),
            ("5.", 5_000_000),
            ("-1.5", -1_500_000),
            ("-0", 0),
            ("0.1234567", 123_456),
            ("-0.1234567", -123_456),
            ("999999999999.9999999999999999999999", 999_999_999_999_999_999),
            ("000000000000000000000001", 1_000_000),
        ] {
            assert_eq!(micros(text), Some(expected), "{text}");
        }
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("01.5"));
        assert_eq!(Decimal::parse("-0.0"), Decimal::parse("0"));
        assert_eq!(Decimal::parse("0.25").unwrap().scaled(9), Some(250_000_000));
    }

    #[test]
    fn numbers_that_do_not_fit_are_none() {
        for text in ["1000000000000", "-1000000000000", &"9".repeat(90)] {
            assert!(Decimal::parse(text).is_some(), "{text}");
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(Decimal::parse("1").unwrap().scaled(60), None);
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in
            ["", "-", ".", "-.", "1e3", "NaN", "inf", "+1", "1,5", "1 000", " 1", "١٢", "0x1", "1.2.3", "--1"]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_with_their_places() {
        assert_eq!(
            (show(1250, 2), show(5, 3), show(-5, 2)),
            ("12.50".into(), "0.005".into(), "-0.05".into())
        );
        assert_eq!(show(i64::MIN, 0), "-9223372036854775808");
        for (micros, text) in
            [(1_500_000, "1.50"), (-1, "-0.000001"), (0, "0.00"), (1_234_000, "1.234"), (10_000_000, "10.00")]
        {
            assert_eq!(show_micros(micros), text);
        }
    }

    /// In plain words: pad or cut the fraction to six digits, and read everything as one number.
    fn plain_micros(is_negative: bool, whole: &str, fraction: &str) -> Option<i128> {
        let kept: String = fraction.chars().chain("000000".chars()).take(6).collect();
        let magnitude: i128 = format!("{whole}{kept}").parse().ok()?;
        let micros = if is_negative { -magnitude } else { magnitude };
        (magnitude < 1_000_000_000_000_000_000).then_some(micros)
    }

    proptest! {
        #[test]
        fn millionths_are_those_of_the_plain_rule(
            is_negative: bool,
            whole in "[0-9]{1,16}",
            fraction in "[0-9]{0,24}",
        ) {
            let text = format!("{}{whole}.{fraction}", if is_negative { "-" } else { "" });
            let expected = plain_micros(is_negative, &whole, &fraction);
            prop_assert_eq!(micros(&text).map(i128::from), expected, "{}", text);
        }

        #[test]
        fn written_millionths_are_read_back(expected in -MAX_MICROS..=MAX_MICROS) {
            prop_assert_eq!(micros(&show_micros(expected)), Some(expected));
        }

        #[test]
        fn any_text_is_a_number_or_none(text in "[-0-9.e+, ]{0,40}|\\PC{0,20}") {
            std::hint::black_box(micros(&text));
        }
    }
}
