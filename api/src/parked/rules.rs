//! Fields of requests about parked events.

use chrono::{DateTime, Utc};
use sluice_schemas::outcome::ParkReason;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat};
use uuid::Uuid;

use crate::db::MAX_TIME_MS;
use crate::http::fields::Fields;
use crate::http::fields::types::text;
use crate::http::request::Field;

/// Longer than anything that the edge accepts as a key, a user or a prospect. Queries have it in
/// their URL.
pub const MAX_REFERENCE_CHARS: usize = 256;
const MAX_WORD_CHARS: usize = 100;
/// The word for a decision without an end.
pub const FOR_EVER: &str = "forever";

/// The id of an event or a prospect, which may be missing or blank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OptionalUuid(pub Option<Uuid>);

/// A reason for parking, which may be missing or blank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reason(pub Option<ParkReason>);

/// The reference of an event, exactly as the event has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference(pub String);

/// The end of a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Until {
    /// For events up to the moment of the decision.
    #[default]
    Now,
    At(DateTime<Utc>),
    /// For later events, too.
    ForEver,
}

/// A moment, which may be missing or blank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment(pub Option<DateTime<Utc>>);

impl Field for OptionalUuid {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let sent = fields.optional_text(name, MAX_WORD_CHARS);
        if sent.is_empty() {
            return Some(Self(None));
        }
        let id = Uuid::try_parse(&sent).map_err(|_| format!("\"{sent}\" is not a valid UUID."));
        fields.accept(name, id).map(|id| Self(Some(id)))
    }

    fn schema() -> RefOr<Schema> {
        text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))).into()
    }
}

impl Field for Reason {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let sent = fields.optional_text(name, MAX_WORD_CHARS);
        if sent.is_empty() {
            return Some(Self(None));
        }
        let reason = ParkReason::parse(&sent).ok_or_else(|| format!("\"{sent}\" is not a valid choice."));
        fields.accept(name, reason).map(|reason| Self(Some(reason)))
    }

    fn schema() -> RefOr<Schema> {
        text().enum_values(Some(ParkReason::ALL.map(ParkReason::as_str))).into()
    }
}

impl Field for Reference {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        if !fields.has_value(name) {
            return Some(Self::default());
        }
        fields.required_secret(name, MAX_REFERENCE_CHARS).map(Self)
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_REFERENCE_CHARS)).into()
    }
}

impl Field for Until {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let sent = fields.optional_text(name, MAX_WORD_CHARS);
        match sent.as_str() {
            "" | "now" => Some(Self::Now),
            FOR_EVER => Some(Self::ForEver),
            sent => {
                let message = || {
                    "Enter \"now\", \"forever\", or a time from 1970 to 2099 as 2026-11-23T08:00:00Z."
                        .to_owned()
                };
                fields.accept(name, moment(sent).ok_or_else(message)).map(Self::At)
            }
        }
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_WORD_CHARS)).default(Some("now".into())).into()
    }
}

impl Field for Moment {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let sent = fields.optional_text(name, MAX_WORD_CHARS);
        if sent.is_empty() {
            return Some(Self(None));
        }
        let message = || "Enter a time from 1970 to 2099 as 2026-11-23T08:00:00Z.".to_owned();
        fields.accept(name, moment(&sent).ok_or_else(message)).map(|time| Self(Some(time)))
    }

    fn schema() -> RefOr<Schema> {
        text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
    }
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (0..=MAX_TIME_MS).contains(&time.timestamp_millis()).then_some(time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_is_read() {
        let id = "00000000-0000-7000-8000-000000000001";
        let mut fields = Fields::of_json(json!({
            "id": id, "reason": "unknown_key", "reference": " {click.id} ", "until": "forever",
            "at": "2026-11-23T08:00:00.5+02:00", "blank": "",
        }));
        assert_eq!(OptionalUuid::read(&mut fields, "id"), Some(OptionalUuid(id.parse().ok())));
        assert_eq!(OptionalUuid::read(&mut fields, "blank"), Some(OptionalUuid(None)));
        assert_eq!(Reason::read(&mut fields, "reason"), Some(Reason(Some(ParkReason::UnknownKey))));
        assert_eq!(Reference::read(&mut fields, "reference"), Some(Reference(" {click.id} ".to_owned())));
        assert_eq!(Reference::read(&mut fields, "blank"), Some(Reference::default()));
        assert_eq!(Until::read(&mut fields, "until"), Some(Until::ForEver));
        assert_eq!(Until::read(&mut fields, "missing"), Some(Until::Now));
        let at = moment("2026-11-23T06:00:00.500Z").unwrap();
        assert_eq!(Until::read(&mut fields, "at"), Some(Until::At(at)));
        assert_eq!(Moment::read(&mut fields, "at"), Some(Moment(Some(at))));
        assert!(fields.finish().is_ok());
        for wrong in ["x", "2026-11-23", "2150-01-01T00:00:00Z", "1969-01-01T00:00:00Z"] {
            let mut fields = Fields::of_json(json!({"x": wrong}));
            assert_eq!(OptionalUuid::read(&mut fields, "x"), None);
            assert_eq!(Reason::read(&mut fields, "x"), None);
            assert_eq!(Until::read(&mut fields, "x"), None);
            assert_eq!(Moment::read(&mut fields, "x"), None);
            assert!(fields.finish().is_err(), "{wrong}");
        }
    }
}
