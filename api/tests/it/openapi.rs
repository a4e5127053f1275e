//! The OpenAPI document: each schema and parameter has a valid example, and each operation
//! describes what a client needs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sluice_api::policy::Position;

use crate::world::World;

async fn document() -> Value {
    World::new().await.get("/openapi.json").await.json()
}

fn schemas(document: &Value) -> &Map<String, Value> {
    document["components"]["schemas"].as_object().unwrap()
}

/// Returns each operation with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods
            .as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// Returns each content with its place (`request` or the status of the response) and its type.
fn contents(operation: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let request = operation.pointer("/requestBody/content").map(|content| ("request", content));
    let answers = operation["responses"].as_object().unwrap().iter();
    let answers = answers.filter_map(|(status, answer)| Some((status.as_str(), answer.get("content")?)));
    request.into_iter().chain(answers).flat_map(|(place, content)| {
        content.as_object().unwrap().iter().map(move |(kind, content)| (place, kind.as_str(), content))
    })
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let found = document.pointer(reference.trim_start_matches('#'));
    found.unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

/// Returns the properties of a schema and of its `allOf` parts.
fn properties<'a>(document: &'a Value, schema: &'a Value) -> BTreeSet<&'a str> {
    let schema = resolve(document, schema);
    let own = schema["properties"].as_object().into_iter().flat_map(|map| map.keys().map(String::as_str));
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| properties(document, part))).collect()
}

fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

#[tokio::test]
async fn every_schema_has_an_example_and_every_answer_shows_all_of_its_fields() {
    let document = document().await;
    let mut lacking = Vec::new();
    for (name, schema) in schemas(&document) {
        // Files are not JSON. An enum has no example: Swagger UI would fill it into a filter.
        let is_file = |map: &Map<String, Value>| map.values().any(|one| one["format"] == "binary");
        if schema["properties"].as_object().is_some_and(is_file) || schema.get("enum").is_some() {
            continue;
        }
        let Some(example) = schema.get("example") else {
            lacking.push(name.clone());
            continue;
        };
        // Requests may leave out optional fields.
        if name.ends_with("Response") {
            let all = properties(&document, schema);
            let missing = all.into_iter().filter(|field| example.get(field).is_none());
            lacking.extend(missing.map(|field| format!("{name}.{field}")));
        }
    }
    assert_eq!(lacking, Vec::<String>::new());
}

#[tokio::test]
async fn every_example_matches_its_schema() {
    let document = document().await;
    let (mut wrong, mut lacking) = (Vec::new(), Vec::new());
    let mut n_checked = 0;
    let mut check = |place: String, schema: Value, example: &Value| {
        let whole = serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": document["components"], "allOf": [schema],
        });
        let validator =
            jsonschema::draft202012::options().should_validate_formats(true).build(&whole).unwrap();
        wrong.extend(validator.iter_errors(example).map(|error| format!("{place}: {error}")));
        n_checked += 1;
    };
    for (name, schema) in schemas(&document) {
        if let Some(example) = schema.get("example") {
            check(name.clone(), schema.clone(), example);
        }
    }
    for (operation, described) in operations(&document) {
        for (place, kind, content) in contents(described) {
            if let Some(example) = content.get("example") {
                check(format!("{operation} {place} {kind}"), content["schema"].clone(), example);
            }
        }
        for parameter in parameters(described) {
            let place = format!("{operation} {}", parameter["name"]);
            match parameter.get("example") {
                Some(example) => check(place, parameter["schema"].clone(), example),
                None if parameter["in"] == "header" => {}
                None => lacking.push(place),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(lacking, Vec::<String>::new());
    assert!(n_checked > 700, "{n_checked}");
}

#[tokio::test]
async fn every_get_operation_accepts_its_examples() {
    let world = World::new().await;
    let olga = world.person("olga", Position::Owner).await;
    let document = world.get("/openapi.json").await.json();
    let mut n_asked = 0;
    for (operation, described) in operations(&document) {
        let Some(mut path) = operation.strip_prefix("get ").map(str::to_owned) else { continue };
        let mut query = form_urlencoded::Serializer::new(String::new());
        for parameter in parameters(described) {
            let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
            let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            if parameter["in"] == "path" {
                path = path.replace(&format!("{{{name}}}"), &text);
            } else {
                query.append_pair(name, &text);
            }
        }
        let answer = world.get_as(&format!("{path}?{}", query.finish()), &olga).await;
        assert!(matches!(answer.status, 200 | 404), "{operation}: {}", answer.line());
        n_asked += 1;
    }
    assert!(n_asked > 30, "{n_asked}");
}

#[tokio::test]
async fn every_operation_describes_what_a_client_needs() {
    let document = document().await;
    let mut lacking = Vec::new();
    for (name, operation) in operations(&document) {
        let mut expect = |holds: bool, what: &str| {
            if !holds {
                lacking.push(format!("{name}: {what}"));
            }
        };
        expect(operation["summary"].as_str().is_some_and(|text| text.len() > 3), "summary");
        expect(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "tag");
        expect(operation["security"].is_array(), "security");
        let asks = operation["security"] == serde_json::json!([{"bearer": []}]);
        let mut statuses = vec!["503"];
        if asks {
            statuses.extend(["401", "403"]);
        }
        if operation.get("requestBody").is_some() {
            statuses.extend(["400", "413", "415"]);
        }
        if name.contains("{id}") {
            statuses.push("404");
        }
        let takes = |header: &str| parameters(operation).any(|one| one["name"] == header);
        if takes("If-Match") {
            statuses.push("412");
        }
        if takes("limit") {
            statuses.push("400");
        }
        for status in statuses {
            expect(operation["responses"].get(status).is_some(), status);
        }
        // The example of an error is the body of that status.
        for (place, kind, content) in contents(operation) {
            let is_detail = content["schema"]["$ref"] == "#/components/schemas/DetailResponse";
            expect(!is_detail || content.get("example").is_some(), &format!("example of {place} {kind}"));
        }
    }
    assert_eq!(lacking, Vec::<String>::new());
}

#[tokio::test]
async fn every_reference_resolves() {
    let document = document().await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn unreadable_bodies_get_the_documented_response() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.json();
    for path in
        ["/api/users/login/", "/api/users/logout/", "/api/users/refresh/", "/api/users/reset-password/"]
    {
        let answer = world.post(path, "application/json", "{").await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        let said =
            &document["paths"][path]["post"]["responses"]["400"]["content"]["application/json"]["schema"];
        let whole = serde_json::json!({"components": document["components"], "allOf": [said]});
        let validator = jsonschema::draft202012::new(&whole).unwrap();
        assert!(validator.is_valid(&answer.json()), "{path}: {}", answer.text);
    }
}
