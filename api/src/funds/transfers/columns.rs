//! Parses cells of a spend file: days in several notations, and amounts with a point or a comma. An
//! ambiguous cell is an error.

use chrono::NaiveDate;

use crate::http::fields::values::parse_day;
use sluice_schemas::decimal::Decimal;

/// Parses a day: 2026-11-23, 2026/11/23, 20261123 or 23.11.2026.
///
/// # Errors
/// A message with the accepted notations.
pub fn day(text: &str) -> Result<NaiveDate, String> {
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let iso = match (text.len(), is_digits(text), text.split('.').collect::<Vec<_>>().as_slice()) {
        (8, true, _) => format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..]),
        (_, _, [day, month, year]) => format!("{year}-{month:0>2}-{day:0>2}"),
        _ => text.replace('/', "-"),
    };
    parse_day(&iso)
        .ok_or_else(|| "Enter a date as 2026-11-23, 2026/11/23, 20261123 or 23.11.2026.".to_owned())
}

/// Parses an amount. `decimal` is the decimal separator, if the client sent one.
///
/// # Errors
/// A message.
pub fn amount(text: &str, decimal: Option<char>) -> Result<Decimal, String> {
    let (point, comma) = (text.rfind('.'), text.rfind(','));
    let decimal = match decimal {
        Some(decimal) => Some(decimal),
        // Of two different separators, the last one is the decimal separator.
        None if point.is_some() && comma.is_some() => Some(if point > comma { '.' } else { ',' }),
        None if text.matches(',').count() > 1 => Some('.'),
        None if text.matches('.').count() > 1 => Some(','),
        None if comma.is_some_and(|comma| text.len() - comma == 4) => {
            return Err(
                "This can be read in two ways: say by \"decimal\" whether the comma is one.".to_owned()
            );
        }
        None if comma.is_some() => Some(','),
        None => Some('.'),
    };
    let decimal = decimal.unwrap_or('.');
    let thousands = if decimal == '.' { ',' } else { '.' };
    let (whole, fraction) =
        text.split_once(decimal).map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let groups: Vec<&str> = whole.split(thousands).collect();
    let is_grouped = groups.len() == 1
        || (groups[1..].iter().all(|group| group.len() == 3) && (1..=3).contains(&groups[0].len()));
    let plain = groups.concat();
    let plain = fraction.map_or(plain.clone(), |fraction| format!("{plain}.{fraction}"));
    Decimal::parse(&plain).filter(|_| is_grouped).ok_or_else(|| "A valid number is required.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_the_ways_that_mean_one_day() {
        for text in ["2026-11-03", "2026/11/03", "20261103", "03.11.2026", "3.11.2026"] {
            assert_eq!(day(text), Ok(NaiveDate::from_ymd_opt(2026, 11, 3).unwrap()), "{text}");
        }
        for text in [
            "",
            "11/03/2026",
            "2026-13-01",
            "3.11.26",
            "today",
            "٢٠٢٦-11-03",
            "2026-11-03T00:00:00Z",
            "é234567",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_are_read_with_point_or_comma_where_there_is_one_way() {
        for (text, plain) in [
            ("12.50", "12.5"),
            ("12,50", "12.5"),
            ("12,5", "12.5"),
            ("1.234,56", "1234.56"),
            ("1,234.56", "1234.56"),
            ("1,234,567", "1234567"),
            ("1.234.567", "1234567"),
            ("1234", "1234"),
            ("1.234", "1.234"),
        ] {
            assert_eq!(amount(text, None), Ok(Decimal::parse(plain).unwrap()), "{text}");
        }
        assert_eq!(amount("1,234", Some(',')), Ok(Decimal::parse("1.234").unwrap()));
        assert_eq!(amount("1,234", Some('.')), Ok(Decimal::parse("1234").unwrap()));
        for text in ["1,234", "", "1,23,456.00", "12.50.1,0", "$5", "1e3", "NaN", "١٢", ",", ".", "1.2,3,4"]
        {
            assert!(amount(text, None).is_err(), "{text}");
        }
    }
}
