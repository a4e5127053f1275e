//! Reads the fields of a body one after the other and collects their errors, in the words of the
//! legacy CRM. The other files read ids, lists and maps, numbers, dates and words.

mod errors;
pub mod keys;
mod lists;
pub mod options;
mod plain;
pub mod types;
pub mod values;

use std::collections::HashMap;

use serde_json::{Map, Value};
use sluice_schemas::text::trim;

pub use self::errors::Errors;
use self::errors::REQUIRED;
use crate::http::error::FieldErrors;

const BLANK: &str = "This field may not be blank.";
const NULL: &str = "This field may not be null.";
const NUL: &str = "Null characters are not allowed.";

/// Named values, and the errors of those that were read so far.
#[derive(Debug, Default)]
pub struct Fields {
    values: Map<String, Value>,
    /// All values of each name of a form. A form sends a list by repeating its name.
    repeated: HashMap<String, Vec<Value>>,
    errors: Errors,
}

impl Fields {
    /// Creates the fields of a JSON object.
    #[must_use]
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values, ..Self::default() }
    }

    /// Creates the fields of a form. The last value of a repeated name counts, except in lists.
    #[must_use]
    pub fn of_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut fields = Self::new(Map::new());
        for (name, text) in pairs {
            fields.repeated.entry(name.clone()).or_default().push(Value::String(text.clone()));
            fields.values.insert(name, Value::String(text));
        }
        fields
    }

    /// Creates the error for a JSON body of another type.
    #[must_use]
    pub fn not_a_dictionary(found: &str) -> Self {
        let message = format!("Invalid data. Expected a dictionary, but got {found}.");
        Self { errors: Errors::of_the_whole(message), ..Self::default() }
    }

    /// Returns a value as it was sent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Serializes all fields in a canonical form, so that two bodies can be compared.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let repeated: std::collections::BTreeMap<_, _> = self.repeated.iter().collect();
        serde_json::to_vec(&(&self.values, repeated)).unwrap_or_default()
    }

    /// Returns whether only fields with these names were sent.
    #[must_use]
    pub fn names_only(&self, names: &[&str]) -> bool {
        self.values.keys().all(|name| names.contains(&name.as_str()))
    }

    /// Adds an error to a field.
    pub fn fail(&mut self, name: &str, message: impl Into<String>) {
        self.errors.fail(name, message);
    }

    /// Reads a required text that is not blank, without the invisible characters around it.
    pub fn required_text(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let text = trim(&self.sent_text(name, true)?).to_owned();
        if text.is_empty() {
            self.fail(name, BLANK);
            return None;
        }
        self.within(name, text, max_chars)
    }

    /// Reads a required text that is not empty, without trimming it.
    pub fn required_secret(&mut self, name: &str, max_chars: usize) -> Option<String> {
        let text = self.sent_text(name, true)?;
        if text.is_empty() {
            self.fail(name, BLANK);
            return None;
        }
        self.within(name, text, max_chars)
    }

    /// Reads a text; empty if it is missing or blank.
    pub fn optional_text(&mut self, name: &str, max_chars: usize) -> String {
        let text = trim(&self.sent_text(name, false).unwrap_or_default()).to_owned();
        self.within(name, text, max_chars).unwrap_or_default()
    }

    /// Returns whether a field was sent, even as null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn within(&mut self, name: &str, text: String, max_chars: usize) -> Option<String> {
        if text.chars().count() > max_chars {
            self.fail(name, format!("Ensure this field has no more than {max_chars} characters."));
            return None;
        }
        Some(text)
    }

    fn sent_text(&mut self, name: &str, is_required: bool) -> Option<String> {
        let message = match self.values.get(name) {
            None if is_required => REQUIRED,
            None => return None,
            Some(Value::String(text)) if text.contains('\0') => NUL,
            Some(Value::String(text)) => return Some(text.clone()),
            Some(Value::Number(number)) => return Some(number.to_string()),
            Some(Value::Null) => NULL,
            Some(_) => "Not a valid string.",
        };
        self.fail(name, message);
        None
    }

    /// Checks that no field has an error.
    ///
    /// # Errors
    /// The messages by field.
    pub fn finish(&self) -> Result<(), FieldErrors> {
        self.errors.messages()
    }

    /// Takes the fields of a JSON object, for tests.
    #[cfg(test)]
    pub(crate) fn of_json(value: Value) -> Self {
        let Value::Object(map) = value else { panic!("no object") };
        Self::new(map)
    }

    /// Returns the errors so far. Checks that need the database add theirs.
    #[must_use]
    pub fn into_errors(self) -> Errors {
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_error_has_its_message() {
        let mut fields = Fields::of_json(json!({
            "blank": "  ", "null": null, "nul": "a\0b", "list": [], "long": "abcdef", "number": 5, "fine": " x\u{200b}\u{a0}",
        }));
        for name in ["missing", "blank", "null", "nul", "list", "long"] {
            assert_eq!(fields.required_text(name, 5), None, "{name}");
        }
        assert_eq!(fields.required_text("number", 5).as_deref(), Some("5"));
        assert_eq!(fields.required_text("fine", 5).as_deref(), Some("x"));
        assert_eq!(fields.required_secret("fine", 5).as_deref(), Some(" x\u{200b}\u{a0}"));
        assert_eq!(fields.optional_text("missing", 5), "");
        insta::assert_json_snapshot!(fields.finish().unwrap_err(), @r#"
        {
          "blank": [
            "This field may not be blank."
          ],
          "list": [
            "Not a valid string."
          ],
          "long": [
            "Ensure this field has no more than 5 characters."
          ],
          "missing": [
            "This field is required."
          ],
          "nul": [
            "Null characters are not allowed."
          ],
          "null": [
            "This field may not be null."
          ]
        }
        "#);
    }

    #[test]
    fn a_body_of_another_type_has_one_error() {
        let mut fields = Fields::not_a_dictionary("list");
        assert_eq!(fields.required_text("username", 5), None);
        let errors = fields.finish().unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors["non_field_errors"], ["Invalid data. Expected a dictionary, but got list."]);
    }
}
