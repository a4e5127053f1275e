//! Types for the fields of an order that have their own rules.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::fields::Fields;
use crate::http::fields::types::{OptionalText, Text, text};
use crate::http::json_values;
use crate::http::request::Field;
use sluice_schemas::contact;

const MAX_PAYOUT_CHARS: usize = 30;

/// A status, or a partner's word for one.
pub type StatusWord = Text<100>;
/// The reason for an edit.
pub type Reason = OptionalText<500>;

/// An amount in millionths.
#[derive(Debug, Clone, Copy, Default)]
pub struct Micros(pub i64);

/// The e-mail address of a customer. It cannot be blank.
#[derive(Debug, Clone, Default)]
pub struct ContactEmail(pub String);

impl Field for Micros {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let text = fields.required_text(name, MAX_PAYOUT_CHARS)?;
        let micros = json_values::micros(&text);
        if micros.is_none() {
            fields.fail(name, "Enter an amount as 12.50: up to 12 digits, and six after the point.");
        }
        micros.map(Self)
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_PAYOUT_CHARS)).into()
    }
}

impl Field for ContactEmail {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let email = fields.required_text(name, contact::MAX_EMAIL_CHARS)?;
        if !contact::is_email(&email) {
            fields.fail(name, "Enter a valid email address.");
        }
        Some(Self(email))
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).max_length(Some(contact::MAX_EMAIL_CHARS)).into()
    }
}
