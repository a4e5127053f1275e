//! Describes versions in the OpenAPI document. An operation with the error 412 accepts `If-Match`,
//! and responses that show a versioned resource have an `ETag`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::entries::map;

/// Adds the headers to every operation that has them. A schema is versioned if one operation reads
/// it alone, and one that may fail with 412 returns it.
pub(super) fn add(document: &mut Value) {
    let (mut read, mut changed) = (BTreeSet::new(), BTreeSet::new());
    for (method, operation) in operations(document) {
        let kind = if method == "get" { &mut read } else { &mut changed };
        if method == "get" || is_checked(operation) {
            kind.extend(answers(operation).filter_map(|answer| schema(answer).map(str::to_owned)));
        }
    }
    for (_, operation) in operations(document) {
        if is_checked(operation) {
            let parameters =
                operation.as_object_mut().map(|it| it.entry("parameters").or_insert_with(|| json!([])));
            if let Some(parameters) = parameters.and_then(Value::as_array_mut) {
                parameters.push(if_match());
            }
        }
        for answer in answers(operation) {
            if schema(answer).is_some_and(|schema| read.contains(schema) && changed.contains(schema)) {
                answer["headers"]["ETag"] = etag();
            }
        }
    }
}

/// Returns all operations with their methods.
fn operations(document: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    map(&mut document["paths"]).flat_map(|(_, path)| map(path))
}

fn is_checked(operation: &Value) -> bool {
    operation["responses"].get("412").is_some()
}

/// Returns the responses of success.
fn answers(operation: &mut Value) -> impl Iterator<Item = &mut Value> {
    let answers = map(&mut operation["responses"]);
    answers.filter(|(status, _)| matches!(status.as_str(), "200" | "201")).map(|(_, answer)| answer)
}

/// Returns the name of a response's schema, unless it is a list.
fn schema(answer: &Value) -> Option<&str> {
    answer.pointer("/content/application~1json/schema/$ref")?.as_str()
}

fn if_match() -> Value {
    json!({
        "name": "If-Match", "in": "header", "required": false, "schema": {"type": "string"}, "example": "\"3\"",
        "description": "The `ETag` of the version that this change is based on. If it is not the current one, the response is 412.",
    })
}

fn etag() -> Value {
    json!({
        "description": "The version of the resource, for `If-Match`", "schema": {"type": "string"}, "example": "\"3\"",
    })
}
