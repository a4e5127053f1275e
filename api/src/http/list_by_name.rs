//! Lists that are sorted by name: their parameters (`limit`, `cursor`, `sort`, `q`), and their
//! keyset. The id in the keyset distinguishes resources with the same name.

use utoipa::IntoParams;

use crate::db::like_pattern;
use crate::db::name_filter::NameFilter;
use crate::http::query::{Params, text_cursor};

/// The parameters of every list by name.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct NamedQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
    /// `name` or `-name`.
    sort: Option<String>,
    /// Part of the name.
    q: Option<String>,
}

/// Reads the parameters. Errors stay in `params`.
pub fn read_name_filter(params: &mut Params) -> NameFilter {
    let limit = params.limit();
    let q = params.q();
    NameFilter {
        q: Some(q).filter(|q| !q.is_empty()).map(|q| like_pattern(&q)),
        is_descending: !params.is_ascending("name", true),
        after: read_cursor(params),
        limit,
    }
}

/// Returns the cursor after an item.
#[must_use]
pub fn name_cursor(name: &str, id: i64) -> String {
    text_cursor(&format!("{id}:{name}"))
}

fn read_cursor(params: &mut Params) -> Option<(String, i64)> {
    let text = params.text_cursor()?;
    let read = text.split_once(':').and_then(|(id, name)| Some((name.to_owned(), id.parse().ok()?)));
    if read.is_none() {
        params.fail("cursor", "Invalid cursor.");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_back() {
        let mut params = Params::parse(Some(&format!("cursor={}", name_cursor("a:b é", 7))));
        assert_eq!(read_name_filter(&mut params).after, Some(("a:b é".to_owned(), 7)));
        for wrong in ["plain", "x:plain", ":"] {
            let mut params = Params::parse(Some(&format!("cursor={}", text_cursor(wrong))));
            assert_eq!(read_name_filter(&mut params).after, None);
            assert!(params.finish().is_err(), "{wrong}");
        }
    }
}
