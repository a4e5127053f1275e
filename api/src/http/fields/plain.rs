//! Reads booleans, integers and lists of words. JSON has types for them, forms send them as text.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{Fields, NULL};

const NO_BOOLEAN: &str = "Must be a valid boolean.";

impl Fields {
    /// Reads a boolean; `None` if it was not sent.
    pub fn optional_bool(&mut self, name: &str) -> Option<bool> {
        let read = match self.values.get(name)? {
            Value::Bool(value) => Ok(*value),
            Value::Number(number) if number.as_u64() == Some(1) => Ok(true),
            Value::Number(number) if number.as_u64() == Some(0) => Ok(false),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "1" | "on" | "yes" => Ok(true),
                "false" | "0" | "off" | "no" => Ok(false),
                _ => Err(NO_BOOLEAN),
            },
            Value::Null => Err(NULL),
            _ => Err(NO_BOOLEAN),
        };
        read.map_err(|message| self.fail(name, message)).ok()
    }

    /// Reads an integer within bounds; the default if it was not sent.
    pub fn whole_number(&mut self, name: &str, bounds: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(text) = self.sent_text(name, false) else { return default };
        let digits = text.trim().strip_prefix('-').unwrap_or(text.trim());
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.fail(name, "A valid integer is required.");
            return default;
        }
        match text.trim().parse::<i64>() {
            Ok(number) if bounds.contains(&number) => return number,
            _ if text.trim().starts_with('-')
                || text.trim().parse().is_ok_and(|n: i64| n < *bounds.start()) =>
            {
                self.fail(name, format!("Ensure this value is greater than or equal to {}.", bounds.start()));
            }
            _ => self.fail(name, format!("Ensure this value is less than or equal to {}.", bounds.end())),
        }
        default
    }

    /// Reads some of the known words: a list, or a text separated by commas or spaces. `None` if it
    /// was not sent.
    pub fn words(&mut self, name: &str, known: &[&str]) -> Option<Vec<String>> {
        let sent: Option<Vec<String>> = match self.values.get(name)? {
            Value::String(text) => {
                Some(text.split([',', ' ']).filter(|word| !word.is_empty()).map(str::to_owned).collect())
            }
            Value::Array(values) => values.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
            Value::Null => {
                self.fail(name, NULL);
                return None;
            }
            _ => None,
        };
        let Some(mut words) = sent else {
            self.fail(name, "Expected a list of words.");
            return None;
        };
        if let Some(unknown) = words.iter().find(|word| !known.contains(&word.as_str())) {
            let message =
                format!("\"{}\" is not a valid choice.", unknown.chars().take(50).collect::<String>());
            self.fail(name, message);
            return None;
        }
        if words.is_empty() {
            self.fail(name, "This list may not be empty.");
        }
        words.sort_unstable();
        words.dedup();
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_numbers_and_words_are_read_from_json_and_forms() {
        let mut fields = Fields::of_json(json!({
            "yes": true, "no": "off", "one": 1, "maybe": "maybe", "null": null, "list": [], "days": "30", "many": 400,
            "few": -1, "half": 0.5, "huge": "99999999999999999999", "both": "write,read", "same": ["read", "read"],
            "other": ["admin"], "mixed": [1],
        }));
        assert_eq!([fields.optional_bool("yes"), fields.optional_bool("one")], [Some(true); 2]);
        assert_eq!((fields.optional_bool("no"), fields.optional_bool("missing")), (Some(false), None));
        assert_eq!(
            (fields.whole_number("days", 1..=366, 90), fields.whole_number("missing", 1..=366, 90)),
            (30, 90)
        );
        let known = ["read", "write"];
        assert_eq!(fields.words("both", &known).unwrap(), known);
        assert_eq!(fields.words("same", &known).unwrap(), ["read"]);
        assert_eq!(fields.finish(), Ok(()));
        for name in ["maybe", "null", "list"] {
            assert_eq!(fields.optional_bool(name), None, "{name}");
        }
        for name in ["many", "few", "half", "huge"] {
            assert_eq!(fields.whole_number(name, 1..=366, 90), 90, "{name}");
        }
        fields.words("other", &known);
        fields.words("mixed", &known);
        let errors = fields.finish().unwrap_err();
        let lines: Vec<String> =
            errors.iter().map(|(name, found)| format!("{name}: {}", found.join(" "))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        few: Ensure this value is greater than or equal to 1.
        half: A valid integer is required.
        huge: Ensure this value is less than or equal to 366.
        list: Must be a valid boolean.
        many: Ensure this value is less than or equal to 366.
        maybe: Must be a valid boolean.
        mixed: Expected a list of words.
        null: This field may not be null.
        other: "admin" is not a valid choice.
        "#);
    }
}
