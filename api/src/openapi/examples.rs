//! The document's examples. They tell one story, so they lie in one file, by schema: olga owns, lea leads the night shift,
//! ben buys for it, nora orders. An error's example is made as the answer is.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::map;
use crate::changes::on_its_way_body;
use crate::error::ApiError;

static EXAMPLES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).expect("a test has read it"));

/// Puts an example to every schema, and to every error that its schema alone does not tell.
pub(super) fn add(document: &mut Value) {
    for (name, schema) in map(&mut document["components"]["schemas"]) {
        if let Some(example) = EXAMPLES.get(name) {
            schema["example"] = example.clone();
        }
    }
    let operations = map(&mut document["paths"]).flat_map(|(_, path)| map(path));
    for (status, response) in operations.flat_map(|(_, operation)| map(&mut operation["responses"])) {
        let json = response.pointer_mut("/content/application~1json");
        if let (Some(json), Some(example)) = (json, error(status)) {
            json["example"] = example;
        }
    }
}

/// What is answered with a status that has one shape wherever it comes from.
fn error(status: &str) -> Option<Value> {
    let error = match status {
        "202" => return serde_json::to_value(on_its_way_body()).ok(),
        "401" => ApiError::not_authenticated(),
        "403" => ApiError::forbidden(),
        "404" => ApiError::not_found(),
        "409" => ApiError::conflict("What it is now does not allow this."),
        "412" => ApiError::changed_since(),
        "413" => ApiError::too_large(crate::body::MAX_BYTES),
        "415" => ApiError::unsupported_media_type("text/plain"),
        "428" => ApiError::precondition_required(
            "It was changed since it was made. Send the amount that you approve: now 250.00 USD.",
        ),
        "429" => ApiError::throttled(17),
        "503" => ApiError::unavailable("postgres"),
        _ => return None,
    };
    serde_json::to_value(error.body()).ok()
}
