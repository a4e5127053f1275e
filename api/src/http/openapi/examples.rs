//! The examples of the OpenAPI document, in one file because they tell one story: olga is the
//! Owner, lea leads the night shift, ben is its buyer, nora orders. The file lists them by schema;
//! examples of parameters by the prefix of their path. Examples of errors are real errors.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::entries::map;
use crate::http::accepted::on_its_way_body;
use crate::http::error::ApiError;

static EXAMPLES: LazyLock<Map<String, Value>> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).expect("a test has read it"));

/// Adds an example to every schema, parameter and error.
pub(super) fn add(document: &mut Value) {
    for (name, schema) in map(&mut document["components"]["schemas"]) {
        if let Some(example) = EXAMPLES.get(name) {
            schema["example"] = example.clone();
        }
    }
    for (path, operations) in map(&mut document["paths"]) {
        for parameter in map(operations).flat_map(|(_, operation)| parameters(operation)) {
            let example = parameter["name"].as_str().and_then(|name| parameter_example(path, name));
            if let Some(example) = example {
                parameter["example"] = example.clone();
            }
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

fn parameters(operation: &mut Value) -> impl Iterator<Item = &mut Value> {
    operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
}

/// Returns the example of a parameter, from the longest prefix of the path that has one.
fn parameter_example(path: &str, name: &str) -> Option<&'static Value> {
    let prefixes = EXAMPLES.iter().filter(|(prefix, _)| path.starts_with(prefix.as_str()));
    let found = prefixes.filter_map(|(prefix, examples)| Some((prefix.len(), examples.get(name)?)));
    found.max_by_key(|(length, _)| *length).map(|(_, example)| example)
}

/// Returns the example of a status that has the same shape in all operations.
fn error(status: &str) -> Option<Value> {
    let error = match status {
        "202" => return serde_json::to_value(on_its_way_body()).ok(),
        "401" => ApiError::not_authenticated(),
        "403" => ApiError::forbidden(),
        "404" => ApiError::not_found(),
        "409" => ApiError::conflict("What it is now does not allow this."),
        "412" => ApiError::changed_since(),
        "413" => ApiError::too_large(crate::http::body::MAX_BYTES),
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
