//! What a source may say. A macro goes into a URL as it stands, since the network looks for it there; so it may hold nothing
//! that would end a parameter or an attribute.

use std::collections::BTreeMap;

use crate::db::constraint_to_field;
use crate::db::sources::{NAME_UNIQUE, NewSource};
use crate::http::error::ApiError;
use crate::http::fields::Fields;

const MAX_NAME_CHARS: usize = 100;
const MAX_PARAM_CHARS: usize = 50;
const MAX_MACRO_CHARS: usize = 200;
/// Twice what there is.
const MAX_MACROS: usize = 100;

/// The parameters that a network can fill in: the table of `docs/parameters.md` without what is ours to say (key, prospect
/// and user). The subs are beside.
const PARAMETERS: [&str; 20] = [
    "external_id",
    "gclid",
    "fbclid",
    "msclkid",
    "ttclid",
    "twclid",
    "li_fat_id",
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

/// Reads a source; what is wrong stays in `fields`.
pub(super) fn read(fields: &mut Fields) -> Option<NewSource> {
    let name = fields.required_text("name", MAX_NAME_CHARS);
    let click_id_param = fields.optional_text("click_id_param", MAX_PARAM_CHARS);
    if !click_id_param.chars().all(|ch| ch.is_ascii_alphanumeric() || "_.-".contains(ch)) {
        fields.fail("click_id_param", "This value may contain only letters, numbers, and _ . - characters.");
    }
    let pairs = fields.text_map("macros", MAX_MACROS, MAX_MACRO_CHARS).unwrap_or_default();
    let mut macros = BTreeMap::new();
    for (parameter, text) in pairs {
        if !is_parameter(&parameter) {
            fields.fail("macros", format!("\"{parameter}\" is not a parameter that a pixel understands."));
        } else if !is_macro_text(&text) {
            fields.fail("macros", format!("\"{text}\" cannot stand in a URL as it is."));
        } else {
            macros.insert(parameter, text);
        }
    }
    fields.finish().ok()?;
    Some(NewSource { name: name?, click_id_param, macros })
}

pub(super) fn is_parameter(name: &str) -> bool {
    let is_sub = || {
        let number = name.strip_prefix("sub")?;
        let is_plain = !number.starts_with(['0', '+']);
        number.parse::<u32>().ok().filter(|number| is_plain && (1..=N_SUBS).contains(number))
    };
    PARAMETERS.contains(&name) || is_sub().is_some()
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
