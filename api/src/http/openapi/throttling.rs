//! The limit of requests, which every operation has: a 429 with `Retry-After`.

use serde_json::{Value, json};

use super::entries::map;

/// Adds the response to each operation, and the header where an operation has a 429 of its own.
pub(super) fn add(document: &mut Value) {
    for (_, path) in map(&mut document["paths"]) {
        for (_, operation) in map(path) {
            let responses = &mut operation["responses"];
            if responses.get("429").is_none() {
                responses["429"] = json!({
                    "description": "Too many requests within a minute; try again after `Retry-After` seconds",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/DetailResponse"}}},
                });
            }
            responses["429"]["headers"]["Retry-After"] =
                json!({"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}});
        }
    }
}
