//! Types for the fields of a prospect that have their own rules.

use std::net::IpAddr;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::fields::Fields;
use crate::http::fields::types::text;
use crate::http::request::Field;

/// Maximum characters of an address.
const MAX_ADDRESS_CHARS: usize = 45;
/// Maximum bytes of user agent and referrer, the same as at the edge.
const MAX_TEXT_BYTES: usize = 2048;

/// An IPv4 or IPv6 address.
#[derive(Debug, Clone, Default)]
pub struct Address(pub String);

/// A text that a browser sent.
#[derive(Debug, Clone, Default)]
pub struct BrowserText(pub String);

impl Field for Address {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let text = fields.required_text(name, MAX_ADDRESS_CHARS)?;
        let address = text.parse::<IpAddr>().ok();
        if address.is_none() {
            fields.fail(name, "Enter a valid IPv4 or IPv6 address.");
        }
        address.map(|address| Self(address.to_string()))
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_ADDRESS_CHARS)).into()
    }
}

impl Field for BrowserText {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let text = fields.required_text(name, MAX_TEXT_BYTES)?;
        if text.len() > MAX_TEXT_BYTES {
            fields.fail(name, format!("Ensure this field has no more than {MAX_TEXT_BYTES} bytes."));
        }
        Some(Self(text))
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(1)).max_length(Some(MAX_TEXT_BYTES)).into()
    }
}
