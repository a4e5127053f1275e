//! The rules for the fields of orders and of the legacy API, with the texts that clients of the
//! legacy CRM know (those of Django REST Framework). Pure. All errors of a request are collected.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use sluice_schemas::text::{readable, trim, trim_bytes};
use sluice_schemas::{contact, parameters};

use crate::fields::{Fields, Value};

const REQUIRED: &str = "This field is required.";
const NOT_NULL: &str = "This field may not be null.";
const NOT_BLANK: &str = "This field may not be blank.";
const NOT_TEXT: &str = "Not a valid string.";
const NO_NUL: &str = "Null characters are not allowed.";
const NO_INTEGER: &str = "A valid integer is required.";
const INTEGER_TOO_LARGE: &str = "Ensure this value is less than or equal to 9223372036854775807.";
const NO_EMAIL: &str = "Enter a valid email address.";
const NO_ADDRESS: &str = "Enter a valid IPv4 or IPv6 address.";

/// Errors by field.
#[derive(Debug, Default)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

/// The rule for a text.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// The longest text, in characters; `usize::MAX` = no limit.
    pub max_chars: usize,
    /// The text must be present and not blank.
    pub is_required: bool,
    pub is_email: bool,
}

impl TextRule {
    /// A required text of at most this length.
    #[must_use]
    pub const fn required(max_chars: usize) -> Self {
        Self { max_chars, is_required: true, is_email: false }
    }

    /// A text that may be missing, null or blank.
    #[must_use]
    pub const fn optional(max_chars: usize) -> Self {
        Self { max_chars, is_required: false, is_email: false }
    }

    /// Also requires an e-mail address.
    #[must_use]
    pub const fn email(self) -> Self {
        Self { is_email: true, ..self }
    }
}

impl FieldErrors {
    /// Adds an error to a field.
    pub fn add(&mut self, name: &str, error: impl Into<String>) {
        self.0.entry(name.to_owned()).or_default().push(error.into());
    }

    /// `{"field":["error", …], …}`; `None` when there is no error.
    #[must_use]
    pub fn into_json(self) -> Option<String> {
        (!self.0.is_empty()).then(|| serde_json::json!(self.0).to_string())
    }

    /// Returns a text, trimmed; empty if it is missing or wrong. Adds errors under `name`. A text
    /// in another encoding stays percent-encoded; its length is that of its bytes.
    pub fn text(&mut self, name: &str, value: Option<&Value>, rule: TextRule) -> String {
        let text = match value {
            None if rule.is_required => return self.fail(name, REQUIRED),
            Some(Value::Null) if rule.is_required => return self.fail(name, NOT_NULL),
            None | Some(Value::Null) => return String::new(),
            Some(Value::Bool(_) | Value::Nested(_)) => return self.fail(name, NOT_TEXT),
            Some(Value::Text(text) | Value::Number(text)) => Cow::Borrowed(trim(text)),
            Some(Value::Bytes(bytes)) => readable(trim_bytes(bytes)),
        };
        let n_chars = || match value {
            Some(Value::Bytes(bytes)) => trim_bytes(bytes).len(),
            _ => text.chars().count(),
        };
        if text.is_empty() {
            return if rule.is_required { self.fail(name, NOT_BLANK) } else { String::new() };
        }
        let mut is_fine = true;
        let mut check = |holds: bool, error: &str| {
            if !holds {
                self.add(name, error);
                is_fine = false;
            }
        };
        if rule.is_email {
            check(contact::is_email(&text), NO_EMAIL);
        }
        if text.len() > rule.max_chars {
            let error = format!("Ensure this field has no more than {} characters.", rule.max_chars);
            check(n_chars() <= rule.max_chars, &error);
        }
        check(!text.contains('\0'), NO_NUL);
        if is_fine { text.into_owned() } else { String::new() }
    }

    /// Returns an IP address; `None` if it is missing or wrong.
    pub fn address(&mut self, name: &str, value: Option<&Value>) -> Option<IpAddr> {
        if let Some(Value::Number(_) | Value::Bool(_) | Value::Nested(_) | Value::Bytes(_)) = value {
            self.add(name, NO_ADDRESS);
            return None;
        }
        let text = self.text(name, value, TextRule::required(usize::MAX));
        if text.is_empty() {
            return None;
        }
        let address = text.parse().ok();
        if address.is_none() {
            self.add(name, NO_ADDRESS);
        }
        address
    }

    /// Returns a number from 1 to 2^63 - 1; `None` if it is missing, null or wrong.
    pub fn user_id(&mut self, name: &str, fields: &Fields) -> Option<i64> {
        let text = match fields.get(name)? {
            Value::Null => return None,
            Value::Text(text) if text.is_empty() && fields.is_form => return None,
            Value::Text(text) | Value::Number(text) => trim(text),
            Value::Bytes(_) | Value::Bool(_) | Value::Nested(_) => "",
        };
        let user_id = parameters::user_id(text.as_bytes());
        if user_id.is_none() {
            let is_whole = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_too_large = is_whole && text.parse::<i64>().is_err();
            self.add(name, if is_too_large { INTEGER_TOO_LARGE } else { NO_INTEGER });
        }
        user_id
    }

    fn fail(&mut self, name: &str, error: &str) -> String {
        self.add(name, error);
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Option<Value>, rule: TextRule) -> (String, String) {
        let mut errors = FieldErrors::default();
        let read = errors.text("f", value.as_ref(), rule);
        (read, errors.into_json().unwrap_or_default())
    }

    fn some(text: &str) -> Option<Value> {
        Some(Value::Text(text.to_owned()))
    }

    #[test]
    fn texts_are_refused_in_the_words_of_the_legacy_crm() {
        let rule = TextRule::required(3);
        let error = |value| text(value, rule).1;
        assert_eq!(error(None), r#"{"f":["This field is required."]}"#);
        assert_eq!(error(Some(Value::Null)), r#"{"f":["This field may not be null."]}"#);
        assert_eq!(error(some(" \t ")), r#"{"f":["This field may not be blank."]}"#);
        assert_eq!(error(Some(Value::Bool(true))), r#"{"f":["Not a valid string."]}"#);
        assert_eq!(error(Some(Value::Nested("[]".into()))), r#"{"f":["Not a valid string."]}"#);
        assert_eq!(error(some("äöüß")), r#"{"f":["Ensure this field has no more than 3 characters."]}"#);
        assert_eq!(error(some("a\0b")), r#"{"f":["Null characters are not allowed."]}"#);
        for around in [" ", "\u{200b}", "\u{feff}\t", "\u{202a}\u{a0}", "\u{2066}"] {
            let typed = format!("{around}äöü{around}");
            assert_eq!(text(some(&typed), rule), ("äöü".to_owned(), String::new()), "{typed:?}");
            let email = format!("{around}a@b.co{around}");
            assert_eq!(text(some(&email), TextRule::required(9).email()).0, "a@b.co", "{email:?}");
        }
        assert_eq!(text(some("\u{200b} "), rule).1, r#"{"f":["This field may not be blank."]}"#);
        let bytes = |bytes: &[u8]| text(Some(Value::Bytes(bytes.to_vec())), rule);
        assert_eq!(bytes(b" \xc8\xe2\xe0 "), ("%C8%E2%E0".to_owned(), String::new()));
        assert!(bytes(b"\xc8\xe2\xe0\xed").1.contains("no more than 3 characters"));
        assert_eq!(text(Some(Value::Number("1e4".into())), rule).0, "1e4");
        for nothing in [None, Some(Value::Null), some(""), some("  ")] {
            assert_eq!(text(nothing, TextRule::optional(3)), (String::new(), String::new()));
        }
    }

    #[test]
    fn several_errors_of_a_field_and_of_fields_come_together() {
        let mut errors = FieldErrors::default();
        errors.text("a", some("a\0b@c").as_ref(), TextRule::required(2).email());
        errors.text("b", None, TextRule::required(2));
        assert_eq!(
            errors.into_json().unwrap(),
            r#"{"a":["Enter a valid email address.","Ensure this field has no more than 2 characters.","Null characters are not allowed."],"b":["This field is required."]}"#
        );
    }

    #[test]
    fn user_ids_are_whole_numbers_in_range() {
        let read = |json: &str| {
            let fields = Fields::from_json(format!("{{\"user_id\":{json}}}").as_bytes()).unwrap();
            let mut errors = FieldErrors::default();
            let user_id = errors.user_id("user_id", &fields);
            (user_id, errors.into_json().unwrap_or_default())
        };
        assert_eq!(read("7"), (Some(7), String::new()));
        assert_eq!(read("\"9223372036854775807\""), (Some(i64::MAX), String::new()));
        assert_eq!(read("null"), (None, String::new()));
        for wrong in ["0", "-1", "1.5", "1e3", "\"\"", "\"abc\"", "true", "[]", "\"1\\u0000\""] {
            assert_eq!(read(wrong).1, r#"{"user_id":["A valid integer is required."]}"#, "{wrong}");
        }
        assert!(read(&"9".repeat(31)).1.contains("less than or equal to 9223372036854775807."));
    }

    #[test]
    fn addresses_are_normalised() {
        let read = |value: Option<Value>| {
            let mut errors = FieldErrors::default();
            let value = value.as_ref();
            let address = errors.address("ip", value).map(|address| address.to_string());
            (address.unwrap_or_default(), errors.into_json().unwrap_or_default())
        };
        assert_eq!(read(some("2001:DB8::0001")).0, "2001:db8::1");
        assert_eq!(read(some(" 203.0.113.7 ")).0, "203.0.113.7");
        for wrong in ["999.1.1.1", "1.2.3", "::g", "1.2.3.4:80", "fe80::1%eth0"] {
            assert_eq!(read(some(wrong)).1, r#"{"ip":["Enter a valid IPv4 or IPv6 address."]}"#, "{wrong}");
        }
        assert_eq!(
            read(Some(Value::Number("1".into()))).1,
            r#"{"ip":["Enter a valid IPv4 or IPv6 address."]}"#
        );
        assert_eq!(read(some("")).1, r#"{"ip":["This field may not be blank."]}"#);
    }
}
