//! The types of fields that more than one resource has. Rules of one resource are types beside it.

use std::ops::Deref;

use sluice_schemas::currency::Currency;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use super::Fields;
use super::keys::Key;
use crate::http::request::Field;

const MAX_CURRENCY_CHARS: usize = 10;

/// A text that must be sent and not be blank, without the space around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<const MAX_CHARS: usize>(pub String);

/// A text that may be missing or blank, without the space around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptionalText<const MAX_CHARS: usize>(pub String);

/// A text that must be sent and not be empty, exactly as it was sent.
#[derive(Clone, Default)]
pub struct Secret(pub String);

/// A currency (ISO 4217); the dollar where none is sent.
#[derive(Debug, Clone, Copy)]
pub struct CurrencyOrDollar(pub Currency);

/// Texts that are not blank, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts<const MAX_ITEMS: usize, const MAX_CHARS: usize>(pub Vec<String>);

/// A whole number within bounds, or the default when none is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeNumber<const LEAST: i64, const MOST: i64, const DEFAULT: i64>(pub i64);

/// Keys of other things, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys<const MAX_ITEMS: usize>(pub Vec<Key>);

impl<const MAX_CHARS: usize> Field for Text<MAX_CHARS> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.required_text(name, MAX_CHARS).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).max_length(Some(MAX_CHARS)).into()
    }
}

impl<const MAX_CHARS: usize> Field for OptionalText<MAX_CHARS> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.optional_text(name, MAX_CHARS)))
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_CHARS)).into()
    }
}

impl Field for Secret {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.required_secret(name, usize::MAX).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).into()
    }
}

impl<const MAX_ITEMS: usize> Field for Keys<MAX_ITEMS> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.keys(name, MAX_ITEMS).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::Integer).format(Some(int64()));
        ArrayBuilder::new().items(id).max_items(Some(MAX_ITEMS)).into()
    }
}

impl<const MAX_ITEMS: usize, const MAX_CHARS: usize> Field for Texts<MAX_ITEMS, MAX_CHARS> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.texts(name, MAX_ITEMS, MAX_CHARS).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(text().max_length(Some(MAX_CHARS))).max_items(Some(MAX_ITEMS)).into()
    }
}

impl Field for CurrencyOrDollar {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let sent = fields.optional_text(name, MAX_CURRENCY_CHARS);
        if sent.is_empty() {
            return Some(Self::default());
        }
        let currency = Currency::parse(&sent);
        if currency.is_none() {
            fields.fail(name, format!("\"{sent}\" is not a currency of ISO 4217."));
        }
        currency.map(Self)
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Default for CurrencyOrDollar {
    fn default() -> Self {
        Self(Currency::parse("USD").expect("the dollar is a currency"))
    }
}

impl<const LEAST: i64, const MOST: i64, const DEFAULT: i64> Field for WholeNumber<LEAST, MOST, DEFAULT> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.whole_number(name, LEAST..=MOST, DEFAULT)))
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(int64()))
            .minimum(Some(LEAST))
            .maximum(Some(MOST))
            .default(Some(DEFAULT.into()))
            .into()
    }
}

impl<const LEAST: i64, const MOST: i64, const DEFAULT: i64> Default for WholeNumber<LEAST, MOST, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl Field for bool {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.optional_bool(name)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl<const MAX_CHARS: usize> Deref for Text<MAX_CHARS> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Deref for Secret {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// Never shown.
impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

/// The schema of a text.
pub(crate) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

pub(super) fn int64() -> SchemaFormat {
    SchemaFormat::KnownFormat(KnownFormat::Int64)
}
