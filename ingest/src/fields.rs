//! Parses a body into named values: a JSON object, a form, or multipart. It does not know which
//! fields are expected.
//!
//! Names count in any case, and the first value of a name that is not blank wins, as in every
//! reader of pairs (`schemas/src/parameters.rs`).
//!
//! Invariant: no body, whatever its depth or bytes, causes a panic or a recursion. Nested JSON is
//! checked and kept as text.

use std::fmt;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use http_body_util::{BodyDataStream, Full};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use sluice_schemas::parameters;
use sluice_schemas::text::{readable, trim};

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    /// A text in another encoding than UTF-8.
    Bytes(Vec<u8>),
    /// A JSON number as written.
    Number(String),
    Bool(bool),
    Null,
    /// A JSON object or array as written, or an uploaded file (empty).
    Nested(String),
}

/// The values of a body in their order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields {
    entries: Vec<(String, Value)>,
    /// The body was a form, in which an empty text may mean that nothing was entered.
    pub is_form: bool,
}

/// The format of a body, by its content type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaType {
    Json,
    Form,
    /// Multipart, with its boundary if it has one.
    Multipart(Option<String>),
    Text,
    /// No content type.
    Empty,
    /// Any other content type, as sent.
    Other(String),
}

/// The reason why a body has no fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// Not JSON.
    #[error("JSON parse error - {0}")]
    Json(String),
    /// JSON, but not an object. Names the type found.
    #[error("Invalid data. Expected a dictionary, but got {0}.")]
    NoObject(&'static str),
    /// The JSON `null`.
    #[error("No data provided")]
    Null,
    /// Not a multipart body.
    #[error("Multipart form parse error - {0}")]
    Multipart(String),
}

impl MediaType {
    /// Reads a `Content-Type`.
    #[must_use]
    pub fn parse(header: Option<&[u8]>) -> Self {
        let text = String::from_utf8_lossy(header.unwrap_or_default());
        let essence = text.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" => Self::Empty,
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart(multer::parse_boundary(text.as_ref()).ok()),
            "text/plain" => Self::Text,
            // As sent, except for characters that would not fit into a header or a message.
            _ => Self::Other(text.chars().filter(|character| !character.is_control()).take(100).collect()),
        }
    }
}

impl Fields {
    /// Reads a JSON object.
    pub fn from_json(body: &[u8]) -> Result<Self, FieldsError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let text = std::str::from_utf8(body).map_err(|error| FieldsError::Json(error.to_string()))?;
        let json = |error: serde_json::Error| FieldsError::Json(error.to_string());
        let first = text.trim_start().bytes().next();
        if first != Some(b'{') {
            // Skipping a `RawValue` does not recurse, so any depth is fine.
            serde_json::from_str::<&RawValue>(text).map_err(json)?;
            return Err(match first {
                Some(b'[') => FieldsError::NoObject("list"),
                Some(b'"') => FieldsError::NoObject("str"),
                Some(b't' | b'f') => FieldsError::NoObject("bool"),
                Some(b'n') => FieldsError::Null,
                _ if text.contains(['.', 'e', 'E']) => FieldsError::NoObject("float"),
                _ => FieldsError::NoObject("int"),
            });
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let entries = deserializer.deserialize_map(Entries).map_err(json)?;
        deserializer.end().map_err(json)?;
        let read = |(name, raw): (String, &RawValue)| Ok((name, Value::from_json(raw).map_err(json)?));
        Ok(Self { entries: entries.into_iter().map(read).collect::<Result<_, _>>()?, is_form: false })
    }

    /// Reads a form.
    #[must_use]
    pub fn from_form(body: &[u8]) -> Self {
        Self { entries: form_entries(body).collect(), is_form: true }
    }

    /// Adds the pairs of a query behind those of the body.
    #[must_use]
    pub fn and_query(mut self, query: &[u8]) -> Self {
        self.entries.extend(form_entries(query));
        self
    }

    /// Reads a multipart form. Files become nested values.
    pub async fn from_multipart(body: Bytes, boundary: Option<&str>) -> Result<Self, FieldsError> {
        let broken = |error: multer::Error| FieldsError::Multipart(error.to_string());
        let boundary = boundary.ok_or_else(|| FieldsError::Multipart("no boundary".to_owned()))?;
        let mut parts = multer::Multipart::new(BodyDataStream::new(Full::new(body)), boundary);
        let mut entries = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(broken)? {
            let name = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(broken)?;
            entries.push(if is_file {
                (name, Value::Nested(String::new()))
            } else {
                (name, Value::of_bytes(&bytes))
            });
        }
        Ok(Self { entries, is_form: true })
    }

    /// Returns whether any value is in another encoding than UTF-8.
    #[must_use]
    pub fn has_bytes(&self) -> bool {
        self.entries.iter().any(|(_, value)| matches!(value, Value::Bytes(_)))
    }

    /// Returns the first value of a name that is not blank, else the first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        let named = |(known, _): &&(String, Value)| known.eq_ignore_ascii_case(name);
        let mut found = self.entries.iter().filter(named).map(|(_, value)| value);
        let first = found.next()?;
        if first.is_blank() {
            Some(found.find(|value| !value.is_blank()).unwrap_or(first))
        } else {
            Some(first)
        }
    }

    /// Returns the first of these names that has a value other than null or blank.
    #[must_use]
    pub fn first_of<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &Value)> {
        names.iter().find_map(|name| {
            let value = self.get(name).filter(|value| !value.is_blank())?;
            Some((*name, value))
        })
    }

    /// Returns the values as form pairs, except nulls and the names that `without` selects.
    #[must_use]
    pub fn to_pairs(&self, without: impl Fn(&str) -> bool) -> Vec<u8> {
        let mut pairs = String::new();
        for (name, value) in self.entries.iter().filter(|(name, _)| !without(name)) {
            let value = match value {
                Value::Text(text) | Value::Number(text) | Value::Nested(text) => text.as_bytes(),
                Value::Bytes(bytes) => bytes.as_slice(),
                Value::Bool(true) => b"true",
                Value::Bool(false) => b"false",
                Value::Null => continue,
            };
            if !pairs.is_empty() {
                pairs.push('&');
            }
            pairs.extend(byte_serialize(name.as_bytes()));
            pairs.push('=');
            pairs.extend(byte_serialize(value));
        }
        pairs.into_bytes()
    }
}

/// Reads the names and values of a form or a query, also empty ones.
fn form_entries(pairs: &[u8]) -> impl Iterator<Item = (String, Value)> {
    parameters::split(pairs).filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = parameters::halves(pair);
        let name = parameters::unescaped(&parameters::decode(name)).to_vec();
        (readable(&name).into_owned(), Value::of_bytes(&parameters::decode(value)))
    })
}

impl Value {
    fn of_bytes(bytes: &[u8]) -> Self {
        std::str::from_utf8(bytes)
            .map_or_else(|_| Self::Bytes(bytes.to_vec()), |text| Self::Text(text.to_owned()))
    }

    fn is_blank(&self) -> bool {
        matches!(self, Self::Null) || matches!(self, Self::Text(text) if trim(text).is_empty())
    }

    fn from_json(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'"') => Self::Text(serde_json::from_str(text)?),
            Some(b'{' | b'[') => Self::Nested(text.to_owned()),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text.to_owned()),
        })
    }
}

/// Reads the entries of an object and leaves their values as text.
struct Entries;

impl<'a> Visitor<'a> for Entries {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Result<Fields, FieldsError> {
        Fields::from_json(text.as_bytes())
    }

    #[test]
    fn objects_are_read_with_numbers_as_written() {
        let fields =
            json(r#" {"a":"x","b":1e400,"c":1208925819614629174706176,"d":true,"e":null,"f":[1],"a":"y"} "#)
                .unwrap();
        assert_eq!(fields.get("a"), Some(&Value::Text("x".into())));
        assert_eq!(fields.get("b"), Some(&Value::Number("1e400".into())));
        assert_eq!(fields.get("c"), Some(&Value::Number("1208925819614629174706176".into())));
        assert_eq!((fields.get("d"), fields.get("e")), (Some(&Value::Bool(true)), Some(&Value::Null)));
        assert_eq!(fields.get("f"), Some(&Value::Nested("[1]".into())));
        assert_eq!(fields.to_pairs(|name| name == "c"), b"a=x&b=1e400&d=true&f=%5B1%5D&a=y");
    }

    #[test]
    fn the_first_value_that_is_not_blank_wins_under_a_name_in_any_case() {
        let text = |text: &str| Value::Text(text.to_owned());
        for form in
            ["phone=X&phone=", "phone=X&phone=Y", "phone=&phone=X", "PHONE=+%E2%80%8B&Phone=X", "amp;phone=X"]
        {
            let fields = Fields::from_form(form.as_bytes());
            assert_eq!(fields.get("phone"), Some(&text("X")), "{form}");
            assert_eq!(fields.first_of(&["tel", "phone"]), Some(("phone", &text("X"))), "{form}");
        }
        let of_json = json(r#"{"phone":null,"Phone":" ","phone":"X","phone":"Y"}"#).unwrap();
        assert_eq!(of_json.get("phone"), Some(&text("X")));
        let both = Fields::from_form(b"phone=&cid=B").and_query(b"cid=Q&phone=Q&cid=R");
        assert_eq!((both.get("cid"), both.get("phone")), (Some(&text("B")), Some(&text("Q"))));
        let blank = Fields::from_form(b"phone=&phone=+");
        assert_eq!((blank.get("phone"), blank.first_of(&["phone"])), (Some(&text("")), None));
    }

    #[test]
    fn bytes_in_another_encoding_are_kept() {
        let fields = Fields::from_form(b"name=%C8%E2%E0%ED&city=\xcc+%2B&sub1=%D0%9F");
        assert_eq!(fields.get("name"), Some(&Value::Bytes(b"\xc8\xe2\xe0\xed".to_vec())));
        assert_eq!(fields.to_pairs(|name| name == "name"), b"city=%CC+%2B&sub1=%D0%9F");
    }

    #[test]
    fn what_is_no_object_says_what_it_is() {
        for (text, kind) in
            [("[]", "list"), ("\"a\"", "str"), ("1", "int"), ("-1.5", "float"), ("true", "bool")]
        {
            assert_eq!(json(text), Err(FieldsError::NoObject(kind)), "{text}");
        }
        assert_eq!(json("null"), Err(FieldsError::Null));
        assert_eq!(json(" "), Ok(Fields::default()));
    }

    #[test]
    fn broken_json_is_refused_whatever_is_broken() {
        for text in [
            "{",
            "{\"a\":}",
            "nope",
            "{\"a\":\"\\ud800\"}",
            "{\"\\udc00\":1}",
            "{}x",
            "{\"a\":01}",
            "{'a':1}",
        ] {
            assert!(matches!(json(text), Err(FieldsError::Json(_))), "{text}");
        }
        assert!(matches!(Fields::from_json(b"{\"a\":\"\xff\"}"), Err(FieldsError::Json(_))));
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(json(&deep(100_000)), Err(FieldsError::NoObject("list")));
        assert!(matches!(json(&"[".repeat(100_000)), Err(FieldsError::Json(_))));
        assert!(json(&format!("{{\"a\":{}}}", deep(100_000))).is_ok());
        assert!(matches!(json(&"{\"a\":".repeat(100_000)), Err(FieldsError::Json(_))));
    }

    #[test]
    fn media_types_are_told_apart() {
        let parse = |text: &str| MediaType::parse(Some(text.as_bytes()));
        assert_eq!(parse("Application/JSON; charset=utf-8"), MediaType::Json);
        assert_eq!(parse("application/x-www-form-urlencoded"), MediaType::Form);
        assert_eq!(parse("multipart/form-data; boundary=abc"), MediaType::Multipart(Some("abc".into())));
        assert_eq!(parse("multipart/form-data"), MediaType::Multipart(None));
        assert_eq!(parse("text/plain;charset=UTF-8"), MediaType::Text);
        assert_eq!(parse("text/html"), MediaType::Other("text/html".into()));
        assert_eq!(MediaType::parse(None), MediaType::Empty);
    }

    proptest! {
        #[test]
        fn any_bytes_are_fields_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            std::hint::black_box((Fields::from_json(&body).is_ok(), Fields::from_form(&body).to_pairs(|_| false)));
        }

        #[test]
        fn any_text_survives_json_and_form(name in "\\PC{1,10}", text in any::<String>()) {
            let body = serde_json::json!({ name.clone(): text.clone() }).to_string();
            let fields = json(&body).unwrap();
            prop_assert_eq!(fields.get(&name), Some(&Value::Text(text.clone())));
            let again = Fields::from_form(&fields.to_pairs(|_| false));
            prop_assert_eq!(again.get(&name), Some(&Value::Text(text)));
        }
    }
}
