//! A body that is read as JSON is read as a form and as multipart too (`http/body.rs`): the
//! document names all three, so that no operation has to.

use serde_json::Value;

use super::entries::map;

const KINDS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];

/// Adds the two other kinds to every body in JSON.
pub(super) fn add(document: &mut Value) {
    let operations = map(&mut document["paths"]).flat_map(|(_, path)| map(path));
    for (_, operation) in operations {
        let Some(content) = operation.pointer_mut("/requestBody/content") else { continue };
        let Some(json) = content.get("application/json").cloned() else { continue };
        for kind in KINDS {
            content[kind] = json.clone();
        }
    }
}
