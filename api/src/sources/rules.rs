//! Rules for the fields of a source.
//!
//! A macro is put into a URL without encoding, since the network searches for its exact text. So it
//! may not contain characters that end a parameter or an HTML attribute.

use std::collections::BTreeMap;

use sluice_schemas::networks::ClickId;
use utoipa::PartialSchema as _;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::db::sources::NAME_UNIQUE;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::types::text;
use crate::http::request::Field;
use crate::http::server_error::constraint_to_field;

const MAX_PARAM_CHARS: usize = 50;
const MAX_MACRO_CHARS: usize = 200;
/// More than twice the number of parameters.
const MAX_MACROS: usize = 100;

/// Parameters that a network can fill in: those of `docs/parameters.md`, without key, prospect and
/// user, which Sluice sets. `sub1` to `sub20` and click ids of networks are checked separately.
const PARAMETERS: [&str; 14] = [
    "external_id",
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_content",
    "utm_term",
    "referrer",
    "page",
    "cost",
    "currency",
    "keyword",
    "creative_id",
    "ad_campaign_id",
    "placement",
];
const N_SUBS: u32 = 20;

/// The parameter with which a network adds its click id. It may be blank.
#[derive(Debug, Clone, Default)]
pub struct ClickIdParam(pub String);

/// Macros of a network by parameter.
#[derive(Debug, Clone, Default)]
pub struct Macros(pub BTreeMap<String, String>);

impl Field for ClickIdParam {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let param = fields.optional_text(name, MAX_PARAM_CHARS);
        if !param.chars().all(|ch| ch.is_ascii_alphanumeric() || "_.-".contains(ch)) {
            fields.fail(name, "This value may contain only letters, numbers, and _ . - characters.");
        }
        Some(Self(param))
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_PARAM_CHARS)).into()
    }
}

impl Field for Macros {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let pairs = fields.text_map(name, MAX_MACROS, MAX_MACRO_CHARS).unwrap_or_default();
        let mut macros = BTreeMap::new();
        for (parameter, text) in pairs {
            if !is_parameter(&parameter) {
                fields.fail(name, format!("\"{parameter}\" is not a parameter that a pixel understands."));
            } else if !is_macro_text(&text) {
                fields.fail(name, format!("\"{text}\" cannot stand in a URL as it is."));
            } else {
                macros.insert(parameter, text);
            }
        }
        Some(Self(macros))
    }

    fn schema() -> RefOr<Schema> {
        BTreeMap::<String, String>::schema()
    }
}

pub(super) fn is_parameter(name: &str) -> bool {
    let is_sub = || {
        let number = name.strip_prefix("sub")?;
        let is_plain = !number.starts_with(['0', '+']);
        number.parse::<u32>().ok().filter(|number| is_plain && (1..=N_SUBS).contains(number))
    };
    PARAMETERS.contains(&name) || ClickId::ALL.iter().any(|known| known.name == name) || is_sub().is_some()
}

pub(super) fn is_macro_text(text: &str) -> bool {
    text.chars().all(|ch| ch.is_ascii_graphic() && !"&#\"'<>\\`".contains(ch))
}

/// Maps violated constraints to errors of fields.
pub(super) fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(error, &[(NAME_UNIQUE, "name", "source with this name already exists.")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_those_of_the_table() {
        for name in ["sub1", "sub20", "gclid", "placement"] {
            assert!(is_parameter(name), "{name}");
        }
        for name in ["sub0", "sub21", "sub01", "sub+1", "sub", "key", "k", "user_id", "pid", "Sub1"] {
            assert!(!is_parameter(name), "{name}");
        }
        for text in ["{zoneid}", "{{campaign.id}}", "__CID__", "${SUBID}", "%%X%%", "{keyword:default}"] {
            assert!(is_macro_text(text), "{text}");
        }
        for text in ["a&b", "a b", "\"", "é", "<x>", "#"] {
            assert!(!is_macro_text(text), "{text}");
        }
    }
}
