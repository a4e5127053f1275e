//! Currencies by their ISO 4217 codes, each with the number of decimal places of its minor unit.
//!
//! Funds codes, metals, bond units and testing codes are left out: nobody pays for visits with
//! them.

use crate::rows::{MAX_MICROS, Micros};

/// ISO 4217, list one, as amended to 2025. Currencies have two decimal places unless they are in
/// one of the lists below.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
    UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";
const WITHOUT_MINOR: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const IN_THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// A currency that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    pub code: &'static str,
    /// Decimal places of the minor unit.
    pub exponent: u32,
}

/// Returns the codes of all currencies, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    CODES.split(' ')
}

impl Currency {
    /// Reads a code in upper or lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let code = codes().find(|code| code.eq_ignore_ascii_case(text))?;
        Some(Self { code, exponent: exponent(code) })
    }
}

/// Returns the decimal places of a code that [`Currency::parse`] accepted.
#[must_use]
pub fn exponent(code: &str) -> u32 {
    match code {
        _ if WITHOUT_MINOR.contains(code) => 0,
        _ if IN_THOUSANDTHS.contains(code) => 3,
        _ => 2,
    }
}

/// Converts an amount in minor units into the form that events store; `None` if it exceeds the
/// column.
#[must_use]
pub fn micros(minor: i64, code: &str) -> Option<Micros> {
    minor
        .checked_mul(10_i64.pow(6 - exponent(code)))
        .filter(|micros| (-MAX_MICROS..=MAX_MICROS).contains(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_their_places() {
        for (code, places) in [("USD", 2), ("jpy", 0), ("KWD", 3), ("Eur", 2)] {
            assert_eq!(Currency::parse(code).unwrap().exponent, places, "{code}");
        }
        for code in ["", "US", "XXX", "USDT", "USD EUR", "ÜSD"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
        let all = CODES.split(' ').chain(WITHOUT_MINOR.split(' ')).chain(IN_THOUSANDTHS.split(' '));
        assert!(all.clone().all(|code| code.len() == 3 && Currency::parse(code).is_some()));
    }

    #[test]
    fn minor_units_become_millionths() {
        assert_eq!(micros(1250, "USD"), Some(12_500_000));
        assert_eq!((micros(12, "JPY"), micros(1250, "KWD")), (Some(12_000_000), Some(1_250_000)));
        assert_eq!(
            (micros(99_999_999_999_999, "USD"), micros(100_000_000_000_000, "USD")),
            (Some(999_999_999_999_990_000), None)
        );
        assert_eq!(micros(i64::MAX, "USD"), None);
    }
}
