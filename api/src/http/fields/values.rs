//! Reads required ids, dates, months, currencies and exact decimals.

use chrono::NaiveDate;
use sluice_schemas::currency::Currency;

use super::keys::Key;
use super::{Fields, NULL, REQUIRED};
use sluice_schemas::decimal::Decimal;

/// The first and the last accepted date.
const FIRST_DAY: &str = "2000-01-01";
const LAST_DAY: &str = "2099-12-31";
/// The maximum length of a value that is not free text.
const MAX_VALUE_CHARS: usize = 100;

impl Fields {
    /// Returns whether a field was sent with a value.
    #[must_use]
    pub fn has_value(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null() && value != "")
    }

    /// Reads a required key.
    pub fn required_key(&mut self, name: &str) -> Option<Key> {
        if !self.values.contains_key(name) {
            self.fail(name, REQUIRED);
            return None;
        }
        let key = self.key(name)?;
        if key.is_none() {
            self.fail(name, NULL);
        }
        key
    }

    /// Reads a required id.
    pub fn required_id(&mut self, name: &str) -> Option<i64> {
        let key = self.required_key(name)?;
        self.id_of(name, &key)
    }

    /// Reads an optional id.
    pub fn optional_id(&mut self, name: &str) -> Option<i64> {
        let key = self.key(name)??;
        self.id_of(name, &key)
    }

    fn id_of(&mut self, name: &str, key: &Key) -> Option<i64> {
        if key.id.is_none() {
            self.fail(name, key.no_such());
        }
        key.id
    }

    /// Reads a required currency.
    pub fn required_currency(&mut self, name: &str) -> Option<Currency> {
        let sent = self.required_text(name, MAX_VALUE_CHARS)?;
        self.accept(
            name,
            Currency::parse(&sent).ok_or_else(|| format!("\"{sent}\" is not a currency of ISO 4217.")),
        )
    }

    /// Reads a date; `None` if it was not sent or is wrong.
    pub fn date(&mut self, name: &str) -> Option<NaiveDate> {
        let sent = self.optional_text(name, MAX_VALUE_CHARS);
        if sent.is_empty() {
            return None;
        }
        let day = parse_day(&sent);
        if day.is_none() {
            self.fail(name, "Enter a date from 2000-01-01 to 2099-12-31, as 2026-11-23.");
        }
        day
    }

    /// Reads a required month, written as 2026-11, and returns its first day.
    pub fn required_month(&mut self, name: &str) -> Option<NaiveDate> {
        let sent = self.required_text(name, MAX_VALUE_CHARS)?;
        let month = parse_month(&sent);
        if month.is_none() {
            self.fail(name, "Enter a month from 2000-01 to 2099-12, as 2026-11.");
        }
        month
    }

    /// Reads a required exact decimal number.
    pub fn required_decimal(&mut self, name: &str) -> Option<Decimal> {
        let sent = self.required_text(name, MAX_VALUE_CHARS)?;
        self.decimal(name, &sent)
    }

    /// Reads an exact decimal number; `None` if it is missing or blank.
    pub fn optional_decimal(&mut self, name: &str) -> Option<Decimal> {
        let sent = self.optional_text(name, MAX_VALUE_CHARS);
        if sent.is_empty() { None } else { self.decimal(name, &sent) }
    }

    fn decimal(&mut self, name: &str, text: &str) -> Option<Decimal> {
        let read = Decimal::parse(text);
        if read.is_none() {
            self.fail(name, "A valid number is required.");
        }
        read
    }

    /// Returns the value, or adds the message to the field and returns `None`.
    pub fn accept<T>(&mut self, name: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|message| self.fail(name, message)).ok()
    }
}

/// Parses a date written as 2026-11-23.
#[must_use]
pub fn parse_day(text: &str) -> Option<NaiveDate> {
    let is_plain = text.len() == FIRST_DAY.len() && (FIRST_DAY..=LAST_DAY).contains(&text);
    text.parse().ok().filter(|_| is_plain)
}

/// Parses a month written as 2026-11 and returns its first day.
#[must_use]
pub fn parse_month(text: &str) -> Option<NaiveDate> {
    parse_day(&format!("{text}-01"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_is_read() {
        let mut fields = Fields::of_json(json!({
            "day": "2026-11-23", "month": "2026-11", "number": "7", "word": "b", "key": 5, "amount": 12.5,
        }));
        assert_eq!(fields.date("day"), NaiveDate::from_ymd_opt(2026, 11, 23));
        assert_eq!(fields.required_month("month"), NaiveDate::from_ymd_opt(2026, 11, 1));
        assert_eq!(fields.whole_number("number", 0..=9, 3), 7);
        assert_eq!(fields.whole_number("none", 0..=9, 3), 3);
        assert_eq!(fields.choice("word", &["a", "b"]), "b");
        assert_eq!(fields.required_key("key"), Some(Key::from(5)));
        assert_eq!(fields.required_decimal("amount"), Decimal::parse("12.50"));
        fields.fill_from(&json!({"number": 9, "more": 1}));
        assert_eq!((fields.get("number"), fields.get("more")), (Some(&json!("7")), Some(&json!(1))));
        assert!(fields.finish().is_ok() && fields.has_value("more") && !fields.has_value("less"));
    }

    #[test]
    fn a_wrong_value_has_an_error() {
        for day in
            ["2026-02-30", "1999-12-31", "2100-01-01", "23.11.2026", "2026-1-01", "٢٠٢٦-11-23", "-2026-1-1"]
        {
            let mut fields = Fields::of_json(json!({"day": day}));
            assert_eq!(fields.date("day"), None);
            assert!(fields.finish().is_err(), "{day}");
        }
        let mut wrong = Fields::of_json(
            json!({"month": "2026-13", "number": 10, "word": "c", "key": null, "amount": "1e3"}),
        );
        wrong.required_month("month");
        wrong.whole_number("number", 0..=9, 3);
        wrong.choice("word", &["a", "b"]);
        wrong.required_key("key");
        wrong.required_decimal("amount");
        assert_eq!(wrong.finish().unwrap_err().len(), 5);
    }
}
