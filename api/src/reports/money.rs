//! Conversion of amounts into the report's currency, by the dated rates of funds.
//!
//! Every amount is converted by the rate of its event's day (UTC) and rounded to a millionth. So
//! converted amounts add up exactly, however they are grouped. An amount for which there is no rate
//! is counted as missing, and never guessed.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use clickhouse::query::Query;
use sqlx::PgPool;

use crate::db::funds::rates::{self, RateRow};

/// Days fit below it: a currency's number times this is added to the day.
const CURRENCY: i64 = 1_000_000;
/// One, in billionths.
const ONE_E9: i64 = 1_000_000_000;

/// Rates into one currency, as arrays for ClickHouse.
#[derive(Debug, Clone)]
pub struct Rates {
    currency: &'static str,
    codes: Vec<String>,
    /// The number of each currency, times [`CURRENCY`].
    numbers: Vec<i64>,
    /// From which number and day on a rate holds, in order; `places` has its place, from 1.
    starts: Vec<i64>,
    places: Vec<i64>,
    /// An amount is multiplied by `above` and divided by `below`; 0 and 1 where a rate is missing.
    above: Vec<i64>,
    below: Vec<i64>,
}

impl Rates {
    /// Loads the rates up to the last day of a report.
    pub async fn load(pool: &PgPool, currency: &'static str, to_ms: i64) -> sqlx::Result<Self> {
        let last = DateTime::from_timestamp_millis(to_ms).map_or(NaiveDate::MAX, |at| at.date_naive());
        Ok(Self::of(currency, &rates::all_of(pool, currency, last).await?))
    }

    /// Returns no rates, for a report without amounts.
    #[must_use]
    pub fn none(currency: &'static str) -> Self {
        Self::of(currency, &[])
    }

    /// Of two rates of one day, that from the amount's currency holds, as for funds.
    fn of(currency: &'static str, rows: &[RateRow]) -> Self {
        let mut by_code = BTreeMap::<&str, BTreeMap<NaiveDate, (i64, i64)>>::new();
        for row in rows {
            let is_forward = row.quote == currency;
            let code = if is_forward { &row.base } else { &row.quote };
            let days = by_code.entry(code).or_default();
            if is_forward {
                days.insert(row.day, (row.rate_e9, ONE_E9));
            } else {
                days.entry(row.day).or_insert((ONE_E9, row.rate_e9));
            }
        }
        let mut found = Self {
            currency,
            codes: vec![String::new()],
            numbers: vec![0],
            starts: vec![0],
            places: vec![1],
            above: vec![0],
            below: vec![1],
        };
        for (number, (code, days)) in (1_i64..).zip(by_code) {
            found.codes.push(code.to_owned());
            found.numbers.push(number * CURRENCY);
            found.starts.push(number * CURRENCY);
            found.places.push(1);
            for (day, (above, below)) in days {
                found.above.push(above);
                found.below.push(below);
                found.starts.push(number * CURRENCY + days_since_epoch(day));
                found.places.push(i64::try_from(found.above.len()).unwrap_or(1));
            }
        }
        found
    }

    /// Returns two expressions: the converted amount in millionths (0 without a rate), and 1 if the
    /// rate is missing, else 0.
    #[must_use]
    pub fn sql(amount: &str) -> (String, String) {
        let micros = format!("toInt128(reinterpretAsInt64({amount}))");
        let place = "transform(roundDown(transform(toString(currency), {codes:Array(String)},
                {numbers:Array(Int64)}, toInt64(0)) + toInt64(toUInt16(toDate(time, 'UTC'))), {starts:Array(Int64)}),
                {starts:Array(Int64)}, {places:Array(Int64)}, toInt64(1))";
        let is_plain = format!("currency = {{currency:String}} OR {micros} = 0");
        let below = format!("{{below:Array(Int64)}}[{place}]");
        let converted = format!(
            "if({is_plain}, {micros}, toInt128(sign({micros})) * intDiv(
                abs({micros}) * {{above:Array(Int64)}}[{place}] * 2 + {below}, toInt128({below}) * 2))"
        );
        (converted, format!("toUInt8(NOT ({is_plain}) AND {{above:Array(Int64)}}[{place}] = 0)"))
    }

    /// Binds the parameters of the expressions.
    pub fn bind(&self, query: Query) -> Query {
        query
            .param("currency", self.currency)
            .param("codes", &self.codes)
            .param("numbers", &self.numbers)
            .param("starts", &self.starts)
            .param("places", &self.places)
            .param("above", &self.above)
            .param("below", &self.below)
    }
}

fn days_since_epoch(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_holds_from_its_day_and_the_forward_one_wins() {
        let rate = |base: &str, quote: &str, day: &str, rate_e9| RateRow {
            id: 1,
            base: base.to_owned(),
            quote: quote.to_owned(),
            day: day.parse().unwrap(),
            rate_e9,
            version: 1,
        };
        let rows = [
            rate("USD", "EUR", "1970-01-03", 900_000_000),
            rate("EUR", "USD", "1970-01-03", 1_100_000_000),
            rate("USD", "EUR", "1970-01-02", 800_000_000),
            rate("USD", "UAH", "1970-01-11", 40_000_000_000),
        ];
        let found = Rates::of("USD", &rows);
        assert_eq!(found.codes, ["", "EUR", "UAH"]);
        assert_eq!(found.starts, [0, CURRENCY, CURRENCY + 1, CURRENCY + 2, 2 * CURRENCY, 2 * CURRENCY + 10]);
        assert_eq!(found.places, [1, 1, 2, 3, 1, 4]);
        assert_eq!(found.above, [0, ONE_E9, 1_100_000_000, ONE_E9]);
        assert_eq!(found.below, [1, 800_000_000, ONE_E9, 40_000_000_000]);
    }
}
