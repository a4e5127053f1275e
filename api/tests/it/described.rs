//! Checks every response of every test against the OpenAPI document.

use axum::http::Method;
use axum::http::header::ETAG;
use serde_json::Value;

use crate::world::Answer;

/// Panics if the document lacks the status of the response, or if only one of the two has an
/// `ETag`.
pub(crate) fn check(document: &Value, method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = find(document, method, path) else { return };
    let status = answer.status.to_string();
    let Some(said) = operation["responses"].get(&status) else {
        panic!("{method} {path}: {status} is not in the document: {}", answer.text);
    };
    let is_said = said.pointer("/headers/ETag").is_some();
    assert_eq!(answer.headers.contains_key(ETAG), is_said, "ETag of {method} {path}: {status}");
}

/// Finds the operation of a path without its query: the one with the fewest segments in braces.
fn find<'a>(document: &'a Value, method: &Method, path: &str) -> Option<&'a Value> {
    let n_braces = |template: &str| template.matches('{').count();
    let matching = document["paths"].as_object()?.iter().filter(|(template, _)| is_of(path, template));
    let (_, methods) = matching.min_by_key(|(template, _)| n_braces(template))?;
    methods.get(method.as_str().to_ascii_lowercase())
}

fn is_of(path: &str, template: &str) -> bool {
    let (mut segments, mut templates) = (path.split('/'), template.split('/'));
    loop {
        match (segments.next(), templates.next()) {
            (None, None) => return true,
            (Some(segment), Some(template)) if segment == template || template.starts_with('{') => {}
            _ => return false,
        }
    }
}
