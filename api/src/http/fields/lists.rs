//! Reads lists, maps and choices. In a form, a list is a repeated name, and a map is a JSON object
//! as text.

use serde::Serialize;
use serde_json::{Map, Value};
use sluice_schemas::text::trim;

use super::{Fields, NUL, NULL};

/// The maximum length of a choice.
const MAX_WORD_CHARS: usize = 100;

impl Fields {
    /// Fills fields that were not sent from the current values, so that a PATCH becomes a PUT.
    pub fn fill_from(&mut self, now: &impl Serialize) {
        let Ok(Value::Object(now)) = serde_json::to_value(now) else { return };
        for (name, value) in now {
            self.values.entry(name).or_insert(value);
        }
    }

    /// Reads one of some words; the first of them if none was sent.
    pub fn choice(&mut self, name: &str, words: &[&'static str]) -> &'static str {
        let sent = self.optional_text(name, MAX_WORD_CHARS);
        if sent.is_empty() {
            return words[0];
        }
        words.iter().find(|word| **word == sent).copied().unwrap_or_else(|| {
            self.fail(name, format!("\"{sent}\" is not a valid choice."));
            words[0]
        })
    }

    /// Reads a list; `None` if it was not sent or is not a list.
    pub fn list(&mut self, name: &str, max_items: usize) -> Option<Vec<Value>> {
        let found = match (self.values.get(name)?, self.repeated.get(name)) {
            // A form with nothing selected sends one empty text.
            (_, Some(texts)) => Ok(texts.iter().filter(|text| *text != "").cloned().collect()),
            (Value::Array(items), None) => Ok(items.clone()),
            (Value::Null, None) => Err(NULL.to_owned()),
            (other, None) => Err(format!("Expected a list of items but got type \"{}\".", kind_of(other))),
        };
        let found = found.and_then(|items: Vec<Value>| {
            if items.len() <= max_items {
                return Ok(items);
            }
            Err(format!("Ensure this field has no more than {max_items} elements."))
        });
        self.or_fail(name, found)
    }

    /// Reads a list of texts that are not blank, trims them and removes duplicates.
    pub fn texts(&mut self, name: &str, max_items: usize, max_chars: usize) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in self.list(name, max_items)? {
            let text = self.item_text(name, &item, max_chars)?;
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        Some(texts)
    }

    /// Reads a map from texts to texts, neither blank; `None` if it was not sent or is wrong.
    pub fn text_map(
        &mut self,
        name: &str,
        max_items: usize,
        max_chars: usize,
    ) -> Option<Vec<(String, String)>> {
        let found = match self.values.get(name)? {
            Value::Object(map) => Ok(map.clone()),
            Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
            Value::String(text) => serde_json::from_str(text).map_err(|_| "Value must be valid JSON.".into()),
            Value::Null => Err(NULL.to_owned()),
            other => Err(format!("Expected a dictionary of items but got type \"{}\".", kind_of(other))),
        };
        let map = self.or_fail(name, found)?;
        if map.len() > max_items {
            self.fail(name, format!("Ensure this field has no more than {max_items} elements."));
            return None;
        }
        let mut pairs = Vec::new();
        for (key, value) in &map {
            let key = self.item_text(name, &Value::String(key.clone()), max_chars)?;
            pairs.push((key, self.item_text(name, value, max_chars)?));
        }
        Some(pairs)
    }

    fn item_text(&mut self, name: &str, item: &Value, max_chars: usize) -> Option<String> {
        let found = match item {
            Value::String(text) if text.contains('\0') => Err(NUL.to_owned()),
            Value::String(text) if trim(text).is_empty() => Err(super::BLANK.to_owned()),
            Value::String(text) => Ok(trim(text).to_owned()),
            Value::Null => Err(NULL.to_owned()),
            _ => Err("Not a valid string.".to_owned()),
        };
        let text = self.or_fail(name, found)?;
        self.within(name, text, max_chars)
    }

    fn or_fail<T>(&mut self, name: &str, found: Result<T, String>) -> Option<T> {
        found.map_err(|message| self.fail(name, message)).ok()
    }
}

/// Returns the name of a type in Python, the language of the legacy CRM.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_form_and_json_give_the_same_values() {
        let pairs = [
            ("ids", "1"),
            ("ids", "2"),
            ("ids", ""),
            ("map", r#"{"a": " b "}"#),
            ("name", "x"),
            ("name", "y"),
        ];
        let mut form =
            Fields::of_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let mut json = Fields::of_json(json!({"ids": [1, "2"], "map": {"a": "b"}, "name": "y"}));
        for fields in [&mut form, &mut json] {
            let ids: Vec<_> = fields.keys("ids", 5).unwrap().into_iter().map(|key| key.id).collect();
            assert_eq!(ids, [Some(1), Some(2)]);
            assert_eq!(fields.text_map("map", 5, 5).unwrap(), [("a".to_owned(), "b".to_owned())]);
            assert_eq!(fields.required_text("name", 5).as_deref(), Some("y"));
            assert!(fields.finish().is_ok());
        }
        let mut empty = Fields::of_pairs(vec![("ids".to_owned(), String::new())]);
        assert_eq!(empty.keys("ids", 5), Some(Vec::new()));
        assert_eq!(empty.keys("other", 5), None);
    }

    #[test]
    fn a_value_of_another_type_has_an_error() {
        let mut fields = Fields::of_json(json!({
            "text": "a", "null": null, "long": [1, 2, 3], "nested": [[1]], "nul": ["a\0"], "blank": {"a": " "},
            "number": {"a": 1}, "broken": "{",
        }));
        for name in ["text", "null", "long", "nested"] {
            assert_eq!(fields.keys(name, 2), None);
        }
        assert_eq!(fields.texts("nul", 2, 9), None);
        for name in ["blank", "number", "broken", "nested"] {
            assert_eq!(fields.text_map(name, 2, 9), None);
        }
        insta::assert_snapshot!(serde_json::to_string(&fields.finish().unwrap_err()).unwrap(), @r#"{"blank":["This field may not be blank."],"broken":["Value must be valid JSON."],"long":["Ensure this field has no more than 2 elements."],"nested":["Incorrect type. Expected pk value, received list.","Expected a dictionary of items but got type \"list\"."],"nul":["Null characters are not allowed."],"null":["This field may not be null."],"number":["Not a valid string."],"text":["Expected a list of items but got type \"str\"."]}"#);
    }
}
