//! Rules for the fields of a partner. The words of a status map are stored in lower case, because
//! they are compared in lower case.

use std::collections::BTreeMap;

use utoipa::PartialSchema as _;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::db::partners::NAME_UNIQUE;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::request::Field;
use crate::http::server_error::constraint_to_field;
use sluice_schemas::status::Status;

const MAX_WORD_CHARS: usize = 100;
const MAX_WORDS: usize = 200;

/// Statuses by the words of a partner.
#[derive(Debug, Clone, Default)]
pub struct StatusMap(pub BTreeMap<String, String>);

impl Field for StatusMap {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let pairs = fields.text_map(name, MAX_WORDS, MAX_WORD_CHARS).unwrap_or_default();
        let mut status_map = BTreeMap::new();
        for (word, group) in pairs {
            let group = group.to_lowercase();
            if !Status::WORDS.contains(&group.as_str()) {
                let known = Status::WORDS.join(", ");
                fields.fail(name, format!("\"{group}\" is not a valid choice. Choose one of {known}."));
            } else if status_map.insert(word.to_lowercase(), group).is_some() {
                fields.fail(name, format!("\"{word}\" is there twice: case does not matter."));
            }
        }
        Some(Self(status_map))
    }

    fn schema() -> RefOr<Schema> {
        BTreeMap::<String, String>::schema()
    }
}

/// Maps violated constraints to errors of fields.
pub(super) fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(error, &[(NAME_UNIQUE, "name", "partner with this name already exists.")])
}
