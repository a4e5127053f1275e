//! Query parameters: one struct is their parser and their description in the OpenAPI document, as
//! `request!` is for bodies.
//!
//! `query!` defines the struct. The type of each parameter is a [`Param`]: it reads itself out of
//! [`Params`] and leaves its error there, so that a request reports all wrong parameters at once.

use chrono::NaiveDate;
use sluice_schemas::currency::Currency;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required};
use uuid::Uuid;

use crate::db::{like_pattern, search_text};
use crate::http::fields::types::text;
use crate::http::fields::values::{parse_day, parse_month};
use crate::http::query::{DEFAULT_LIMIT, MAX_LIMIT, Moment, Params};
use crate::policy::Position;
use crate::time_zone::TimeZone;

/// The type of a parameter.
pub trait Param: Sized {
    /// Reads the parameter. Its error stays in `params`.
    fn read(params: &mut Params, name: &'static str) -> Self;

    /// Describes the parameter.
    fn schema() -> RefOr<Schema>;
}

/// An id.
impl Param for Option<i64> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.id(name)
    }

    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Int64);
        ObjectBuilder::new().schema_type(Type::Integer).format(Some(format)).into()
    }
}

/// `true` or `false`.
impl Param for Option<bool> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.flag(name)
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

/// Any text.
impl Param for Option<String> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.text(name).map(str::to_owned)
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// A time, or a date in `tz`. [`Params::range`] turns it into a time.
impl Param for Option<Moment> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.moment(name)
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The name of a time zone.
impl Param for Option<TimeZone> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.known_zone(name)
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

impl Param for Option<Position> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.word(name, &Position::ALL.map(Position::as_str)).and_then(Position::parse)
    }

    fn schema() -> RefOr<Schema> {
        Position::schema()
    }
}

/// The text to search for; empty if none was sent.
#[derive(Debug, Clone)]
pub struct Search(pub String);

impl Search {
    /// Returns the `ILIKE` pattern that matches the text anywhere. An IPv6 address is matched as it
    /// is stored.
    #[must_use]
    pub fn pattern(&self) -> Option<String> {
        let address = search_text::address(&self.0).map(|address| address.to_canonical().to_string());
        (!self.0.is_empty()).then(|| like_pattern(address.as_deref().unwrap_or(&self.0)))
    }

    /// Returns the `ILIKE` patterns of the words of the text, which a name may have in any order.
    #[must_use]
    pub fn patterns(&self) -> Vec<String> {
        search_text::patterns(&self.0)
    }
}

impl Param for Search {
    fn read(params: &mut Params, name: &'static str) -> Self {
        Self(params.search(name))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The number of items of a page.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub u32);

impl Param for Limit {
    fn read(params: &mut Params, _: &'static str) -> Self {
        Self(params.limit())
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(MAX_LIMIT))
            .default(Some(DEFAULT_LIMIT.into()))
            .into()
    }
}

/// The cursor of a list that is sorted by id.
#[derive(Debug, Clone, Copy)]
pub struct IdCursor(pub Option<i64>);

impl Param for IdCursor {
    fn read(params: &mut Params, _: &'static str) -> Self {
        Self(params.id_cursor())
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The cursor of a list that is sorted by a text.
#[derive(Debug, Clone)]
pub struct TextCursor(pub Option<String>);

impl Param for TextCursor {
    fn read(params: &mut Params, _: &'static str) -> Self {
        Self(params.text_cursor())
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The cursor of a list that is sorted by time, in Unix milliseconds, and by id.
#[derive(Debug, Clone, Copy)]
pub struct TimeCursor(pub Option<(i64, Uuid)>);

impl Param for TimeCursor {
    fn read(params: &mut Params, _: &'static str) -> Self {
        Self(params.event_cursor())
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// A currency (ISO 4217).
impl Param for Option<Currency> {
    fn read(params: &mut Params, name: &'static str) -> Self {
        params.parsed(name, Currency::parse, |text| format!("\"{text}\" is not a currency of ISO 4217."))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// A day, for example `2026-11-23`.
#[derive(Debug, Clone, Copy)]
pub struct Day(pub Option<NaiveDate>);

impl Param for Day {
    fn read(params: &mut Params, name: &'static str) -> Self {
        let message = "Enter a date from 2000-01-01 to 2099-12-31, as 2026-11-23.";
        Self(params.parsed(name, parse_day, |_| message.to_owned()))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// The first day of a month, for example `2026-11`.
#[derive(Debug, Clone, Copy)]
pub struct Month(pub Option<NaiveDate>);

impl Param for Month {
    fn read(params: &mut Params, name: &'static str) -> Self {
        let message = "Enter a month from 2000-01 to 2099-12, as 2026-11.";
        Self(params.parsed(name, parse_month, |_| message.to_owned()))
    }

    fn schema() -> RefOr<Schema> {
        text().into()
    }
}

/// Describes a parameter. The comment is the description.
#[must_use]
pub fn describe(name: &str, comment: &[&str], schema: RefOr<Schema>) -> Parameter {
    let lines: Vec<&str> = comment.iter().map(|line| line.trim()).collect();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(lines.join("\n")))
        .schema(Some(schema))
        .build()
}

/// Defines the parameters of a request. The comments are the descriptions in the document.
macro_rules! query {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $param_about:literal])* $param_vis:vis $param:ident: $kind:ty,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $param_about])* $param_vis $param: $kind,)*
        }

        impl $name {
            /// Reads the parameters. Their errors stay in `params`.
            #[must_use]
            $vis fn read(params: &mut $crate::http::query::Params) -> Self {
                Self { $($param: $crate::http::typed_query::Param::read(params, stringify!($param)),)* }
            }
        }

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                use $crate::http::typed_query::{Param, describe};
                vec![$(describe(stringify!($param), &[$($param_about),*], <$kind as Param>::schema()),)*]
            }
        }
    };
}
pub(crate) use query;

/// Defines a parameter that is one of some words, or missing.
macro_rules! word {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident of $words:expr;) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Copy)]
        $vis struct $name($vis Option<&'static str>);

        impl $crate::http::typed_query::Param for $name {
            fn read(params: &mut $crate::http::query::Params, name: &'static str) -> Self {
                Self(params.word(name, &$words))
            }

            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::http::fields::types::text().enum_values(Some($words)).into()
            }
        }
    };
}
pub(crate) use word;

query! {
    /// The page of a list that is sorted by id.
    pub struct IdPageQuery {
        /// The maximum number of items.
        pub limit: Limit,
        /// From the `Link` header of the previous page.
        pub cursor: IdCursor,
    }
}

query! {
    /// The page of a list that is sorted by time.
    pub struct TimePageQuery {
        /// The maximum number of items.
        pub limit: Limit,
        /// From the `Link` header of the previous page.
        pub cursor: TimeCursor,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::IntoParams as _;

    use super::*;

    word! {
        /// A size.
        struct Size of ["small", "large"];
    }

    query! {
        /// The filters of a list.
        struct ListThingsQuery {
            /// Part of the name.
            q: Search,
            /// Only of this
            /// user.
            user_id: Option<i64>,
            /// The size.
            size: Size,
            /// Start.
            from: Option<Moment>,
        }
    }

    #[test]
    fn all_errors_are_told_at_once_and_the_others_are_read() {
        let mut params = Params::parse(Some("q=a_b&user_id=0&size=tiny&from=2026-11-23"));
        let query = ListThingsQuery::read(&mut params);
        assert_eq!(query.q.pattern(), Some(like_pattern("a_b")));
        assert_eq!((query.user_id, query.size.0, query.from.is_some()), (None, None, true));
        assert_eq!(params.errors().keys().collect::<Vec<_>>(), ["size", "user_id"]);
        insta::assert_snapshot!(params.finish().unwrap_err().sentence(), @r#"size: "tiny" is not a valid choice."#);
        let mut params = Params::parse(Some("q=&user_id=7&size=large"));
        let query = ListThingsQuery::read(&mut params);
        assert_eq!((query.q.pattern(), query.user_id, query.size.0), (None, Some(7), Some("large")));
        assert!(params.finish().is_ok());
    }

    #[test]
    fn the_struct_is_the_description() {
        let described = serde_json::to_value(ListThingsQuery::into_params(|| None)).unwrap();
        assert_eq!(
            described[1],
            json!({
                "name": "user_id", "in": "query", "description": "Only of this\nuser.", "required": false,
                "schema": {"type": "integer", "format": "int64"},
            })
        );
        assert_eq!(described[2]["schema"], json!({"type": "string", "enum": ["small", "large"]}));
    }
}
