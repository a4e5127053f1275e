//! What a partner may say. The words of a status map are kept in lower case, as they are compared.

use std::collections::BTreeMap;

use crate::db::constraint_to_field;
use crate::db::partners::{NAME_UNIQUE, NewPartner};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use sluice_schemas::currency::Currency;
use sluice_schemas::status::Status;

const MAX_NAME_CHARS: usize = 100;
const MAX_CURRENCY_CHARS: usize = 10;
const MAX_WORD_CHARS: usize = 100;
const MAX_WORDS: usize = 200;
/// What payouts are in that say nothing else.
pub(crate) const DEFAULT_CURRENCY: &str = "USD";

/// Reads a partner; what is wrong stays in `fields`.
pub(super) fn read(fields: &mut Fields) -> Option<NewPartner> {
    let name = fields.required_text("name", MAX_NAME_CHARS);
    let currency = read_currency(fields, DEFAULT_CURRENCY);
    let pairs = fields.text_map("status_map", MAX_WORDS, MAX_WORD_CHARS).unwrap_or_default();
    let mut status_map = BTreeMap::new();
    for (word, group) in pairs {
        let group = group.to_lowercase();
        if !Status::WORDS.contains(&group.as_str()) {
            let known = Status::WORDS.join(", ");
            fields.fail("status_map", format!("\"{group}\" is not a valid choice. Choose one of {known}."));
        } else if status_map.insert(word.to_lowercase(), group).is_some() {
            fields.fail("status_map", format!("\"{word}\" is there twice: case does not matter."));
        }
    }
    fields.finish().ok()?;
    Some(NewPartner { name: name?, currency, status_map })
}

/// The currency, or the default when none was sent.
pub(crate) fn read_currency(fields: &mut Fields, default: &str) -> String {
    let sent = fields.optional_text("currency", MAX_CURRENCY_CHARS);
    if sent.is_empty() {
        return default.to_owned();
    }
    match Currency::parse(&sent) {
        Some(currency) => currency.code.to_owned(),
        None => {
            fields.fail("currency", format!("\"{sent}\" is not a currency of ISO 4217."));
            default.to_owned()
        }
    }
}

/// Maps violated constraints to errors of fields.
pub(super) fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(error, &[(NAME_UNIQUE, "name", "partner with this name already exists.")])
}
