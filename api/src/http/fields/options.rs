//! Fields that must be sent, may be missing, or may be null: keys, amounts, currencies and days.

use chrono::NaiveDate;
use sluice_schemas::currency::Currency;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};

use super::Fields;
use super::keys::Key;
use super::types::{int64, text};
use crate::http::error::ApiError;
use crate::http::request::Field;
use sluice_schemas::decimal::Decimal;

/// The most characters of a day.
const MAX_DAY_CHARS: usize = 100;

/// A value that must be sent: `None` only when it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required<T>(pub Option<T>);

/// A value that may be missing or blank, but not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Optional<T>(pub Option<T>);

/// A value that may be missing, blank or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

/// The id of another thing. It must be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Id(pub i64);

/// A day, written as 2026-11-23.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(pub NaiveDate);

/// The first day of a month, written as 2026-11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month(pub NaiveDate);

impl<T> Default for Required<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Optional<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Default for Nullable<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Required<T> {
    /// The value, which is there once nothing is wrong with the body.
    ///
    /// # Errors
    /// 500, were it asked for before.
    pub fn checked(self) -> Result<T, ApiError> {
        self.0.ok_or_else(|| ApiError::bug("a wrong field was used"))
    }
}

impl Field for Id {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.required_id(name).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(int64())).into()
    }
}

impl Field for Required<Currency> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.required_currency(name)))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for Required<Decimal> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.required_decimal(name)))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for Required<Month> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.required_month(name).map(Month)))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for Required<Day> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.required_text(name, MAX_DAY_CHARS)?;
        Some(Self(fields.date(name).map(Day)))
    }

    fn schema() -> RefOr<Schema> {
        text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).into()
    }
}

impl Field for Optional<Decimal> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.optional_decimal(name)))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for Optional<Day> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.date(name).map(Day)))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Field for Nullable<Key> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        fields.key(name).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        nullable_id()
    }
}

impl Field for Nullable<Id> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.optional_id(name).map(Id)))
    }

    fn schema() -> RefOr<Schema> {
        nullable_id()
    }
}

impl Field for Nullable<Decimal> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        if !fields.has_value(name) {
            return Some(Self(None));
        }
        fields.optional_decimal(name).map(|decimal| Self(Some(decimal)))
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
    }
}

fn nullable_id() -> RefOr<Schema> {
    let kinds = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(kinds).format(Some(int64())).into()
}
