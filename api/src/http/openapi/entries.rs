//! Walks the document.

use serde_json::{Map, Value};

/// Returns the entries of an object; nothing for other values.
pub(super) fn map(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}
