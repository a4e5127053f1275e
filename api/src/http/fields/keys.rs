//! Reads ids of other resources in a body, like the legacy CRM: numbers, or texts of digits.
//! Callers check whether the id exists. A number beyond 64 bits is an unknown id.

use serde_json::{Number, Value};

use super::Fields;

/// An id as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `None`: a number that cannot be an id.
    pub id: Option<i64>,
    shown: String,
}

impl Key {
    /// Reads a key; `None` for null or an empty text.
    ///
    /// # Errors
    /// The message for a value of another type.
    pub fn read(value: &Value) -> Result<Option<Self>, String> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            Value::String(text) => {
                let text = text.trim();
                let digits = text.strip_prefix('-').unwrap_or(text);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(wrong_type("str"));
                }
                Ok(Some(Self { id: text.parse().ok(), shown: text.to_owned() }))
            }
            Value::Number(number) => Self::read_number(number).map(Some),
            Value::Bool(_) => Err(wrong_type("bool")),
            Value::Array(_) => Err(wrong_type("list")),
            Value::Object(_) => Err(wrong_type("dict")),
        }
    }

    fn read_number(number: &Number) -> Result<Self, String> {
        // `serde_json` reads an integer beyond 64 bits as a float. It is an unknown id.
        let is_whole = number.as_f64().is_none_or(|value| value.fract() == 0.0);
        if !is_whole {
            return Err(wrong_type("float"));
        }
        Ok(Self { id: number.as_i64(), shown: number.to_string() })
    }

    /// Returns the message for an unknown key.
    #[must_use]
    pub fn no_such(&self) -> String {
        format!("Invalid pk \"{}\" - object does not exist.", self.shown)
    }
}

impl From<i64> for Key {
    fn from(id: i64) -> Self {
        Self { id: Some(id), shown: id.to_string() }
    }
}

fn wrong_type(kind: &str) -> String {
    format!("Incorrect type. Expected pk value, received {kind}.")
}

impl Fields {
    /// Reads a key: `None` if it was not sent or is wrong, `Some(None)` for null or an empty text.
    pub fn key(&mut self, name: &str) -> Option<Option<Key>> {
        match Key::read(self.values.get(name)?) {
            Ok(key) => Some(key),
            Err(message) => {
                self.fail(name, message);
                None
            }
        }
    }

    /// Reads a list of keys without duplicates; `None` if it was not sent or is wrong.
    pub fn keys(&mut self, name: &str, max_items: usize) -> Option<Vec<Key>> {
        let mut keys = Vec::new();
        for value in self.list(name, max_items)? {
            let read = match Key::read(&value) {
                Ok(None) => Err("This field may not be null.".to_owned()),
                Ok(Some(key)) => Ok(key),
                Err(message) => Err(message),
            };
            match read {
                Ok(key) if keys.contains(&key) => {}
                Ok(key) => keys.push(key),
                Err(message) => {
                    self.fail(name, message);
                    return None;
                }
            }
        }
        Some(keys)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_read_like_in_the_legacy_crm() {
        assert_eq!(Key::read(&json!(null)), Ok(None));
        assert_eq!(Key::read(&json!("")), Ok(None));
        assert_eq!(Key::read(&json!(7)), Ok(Some(Key::from(7))));
        assert_eq!(Key::read(&json!(" 7 ")), Ok(Some(Key::from(7))));
        let huge: Value = serde_json::from_str("1000000000000000000000000000000").unwrap();
        assert_eq!(Key::read(&huge).unwrap().unwrap().id, None);
        assert_eq!(Key::read(&json!("99999999999999999999")).unwrap().unwrap().id, None);
        for wrong in [json!("abc"), json!("7\0"), json!(1.5), json!(true), json!([]), json!({})] {
            assert!(Key::read(&wrong).is_err(), "{wrong}");
        }
    }
}
