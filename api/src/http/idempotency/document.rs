//! Describes the `Idempotency-Key` in the OpenAPI document.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{
    ContentBuilder, ObjectBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
};

const KEY: &str = "Idempotency-Key";

/// Adds the header and its error to the `POST` of a path.
pub fn take_key(path: &mut PathItem) {
    if let Some(operation) = &mut path.post {
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter()));
        add_conflict(operation);
    }
}

fn parameter() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(200));
    ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Identifies this request. A repeated request with the same key and content within 24 hours takes no \
             effect and returns the first response, with the header `Idempotency-Replayed: true`.",
        ))
        .schema(Some(RefOr::T(Schema::Object(text.build()))))
        .build()
}

fn add_conflict(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("DetailResponse"))).build();
    let response = ResponseBuilder::new()
        .description(
            "The `Idempotency-Key` was used for another request or is in use (then with `Retry-After`), or the \
             current state does not allow this",
        )
        .content("application/json", content)
        .build();
    operation.responses.responses.insert("409".to_owned(), RefOr::T(response));
}
