//! Bodies of requests: one struct is the parser of a body, its rules and its schema in the OpenAPI
//! document ([why not a library](../../../docs/adr/0009-typed-requests.md)).
//!
//! `request!` defines the struct. The type of each field is a [`Field`]: it reads itself out of a
//! JSON object, a form or a multipart body, and reports errors in the words of the legacy contract.
//! Reading never stops at an error: a wrong field gets its default, and the message waits in the
//! [`Errors`] of the [`Body`], to which a handler adds the errors that only the database can tell.
//!
//! Invariant: nothing is written before [`Errors::finish`] has passed, so that the default of a
//! wrong field is never used.

use axum::extract::FromRequest;
use serde_json::Map;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::body::{read, read_bytes};
use crate::http::error::ApiError;
use crate::http::fields::{Errors, Fields};

/// A struct that `request!` defined.
pub trait Request: Sized {
    /// Reads all fields. Errors stay in `fields`.
    fn read(fields: &mut Fields) -> Self;
}

/// The type of a field.
pub trait Field: Default {
    /// Whether a body without the field is refused.
    const IS_REQUIRED: bool = true;

    /// Reads the field; `None` when it is wrong, with the message in `fields`.
    fn read(fields: &mut Fields, name: &str) -> Option<Self>;

    /// Returns the description of the field for the document.
    fn schema() -> RefOr<Schema>;
}

/// `None`: the field was not sent, or is wrong.
impl<T: Field> Field for Option<T> {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let read = if fields.has(name) { T::read(fields, name) } else { None };
        Some(read)
    }

    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

/// A request, and the errors found so far.
#[derive(Debug)]
pub struct Body<T> {
    pub request: T,
    pub errors: Errors,
}

impl<T: Request> Body<T> {
    /// Reads named values, as a page's form has them.
    pub fn of(mut fields: Fields) -> Self {
        Self { request: T::read(&mut fields), errors: fields.into_errors() }
    }

    /// The values that are read out of the request, if nothing is wrong with it.
    ///
    /// # Errors
    /// 400 with the messages of all fields.
    pub fn values<V>(mut self, read: impl FnOnce(&T, &mut Errors) -> Option<V>) -> Result<V, ApiError> {
        let values = read(&self.request, &mut self.errors);
        self.errors.finish()?;
        values.ok_or_else(|| ApiError::bug("a body without values or errors"))
    }

    /// The request, if nothing is wrong with it.
    ///
    /// # Errors
    /// 400 with the messages of all fields.
    pub fn checked(self) -> Result<T, ApiError> {
        self.errors.finish()?;
        Ok(self.request)
    }
}

impl<T: Request, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = read_bytes(request, state).await?;
        Ok(Self::of(read(&headers, bytes).await?))
    }
}

/// Defines a body. The comments are the descriptions in the document.
macro_rules! request {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $($(#[doc = $field_about:literal])* $field_vis:vis $field:ident: $kind:ty,)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug)]
        $vis struct $name {
            $($(#[doc = $field_about])* $field_vis $field: $kind,)*
        }

        impl $crate::http::request::Request for $name {
            fn read(fields: &mut $crate::http::fields::Fields) -> Self {
                use $crate::http::request::Field;
                Self { $($field: <$kind as Field>::read(fields, stringify!($field)).unwrap_or_default(),)* }
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                use $crate::http::request::{Field, described};
                let object = utoipa::openapi::schema::ObjectBuilder::new();
                $(
                    let schema = described(<$kind as Field>::schema(), &[$($field_about),*]);
                    let object = object.property(stringify!($field), schema);
                    let object =
                        if <$kind as Field>::IS_REQUIRED { object.required(stringify!($field)) } else { object };
                )*
                described(object.into(), &[$($about),*])
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}
pub(crate) use request;

/// Defines the body of a PATCH: the fields of another body, of which those that are not sent stay.
macro_rules! patch {
    ($(#[doc = $about:literal])* $vis:vis struct $name:ident of $whole:ty;) => {
        $(#[doc = $about])*
        #[derive(Debug)]
        $vis struct $name($crate::http::fields::Fields);

        impl $name {
            /// A field as it was sent, if it was sent and is right.
            #[allow(dead_code, reason = "few bodies are looked into before the present values are known")]
            $vis fn peek<F: $crate::http::request::Field>(&self, name: &str) -> Option<F> {
                $crate::http::request::peek(&self.0, name)
            }

            /// The whole body that this makes of the present values. Null is a value, too.
            $vis fn onto(mut self, now: &impl serde::Serialize) -> $crate::http::request::Body<$whole> {
                self.0.fill_from(now);
                $crate::http::request::Body::of(self.0)
            }
        }

        impl $crate::http::request::Request for $name {
            fn read(fields: &mut $crate::http::fields::Fields) -> Self {
                Self(std::mem::take(fields))
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let whole = <$whole as utoipa::PartialSchema>::schema();
                $crate::http::request::described($crate::http::request::without_required(whole), &[$($about),*])
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}
pub(crate) use patch;

/// Reads one field without noting its errors.
pub(crate) fn peek<F: Field>(fields: &Fields, name: &str) -> Option<F> {
    let value = fields.get(name)?.clone();
    F::read(&mut Fields::new(Map::from_iter([(name.to_owned(), value)])), name)
}

/// The schema of an object of which nothing must be sent.
pub(crate) fn without_required(mut schema: RefOr<Schema>) -> RefOr<Schema> {
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.required.clear();
    }
    schema
}

/// A schema with the comment of its definition.
pub(crate) fn described(mut schema: RefOr<Schema>, comment: &[&str]) -> RefOr<Schema> {
    let lines: Vec<&str> = comment.iter().map(|line| line.trim()).collect();
    let text = Some(lines.join("\n")).filter(|text| !text.is_empty());
    match &mut schema {
        RefOr::T(Schema::Object(object)) => object.description = text.or(object.description.take()),
        RefOr::T(Schema::Array(array)) => array.description = text.or(array.description.take()),
        _ => {}
    }
    schema
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::PartialSchema as _;

    use super::*;
    use crate::http::fields::keys::Key;
    use crate::http::fields::options::Nullable;
    use crate::http::fields::types::{Text, Texts};

    request! {
        /// A thing.
        struct ThingRequest {
            /// Its name.
            name: Text<5>,
            lead: Option<Nullable<Key>>,
            tags: Texts<2, 3>,
        }
    }

    patch! {
        /// The changes.
        struct UpdateThingRequest of ThingRequest;
    }

    #[test]
    fn all_errors_are_told_at_once_and_what_was_right_is_there() {
        let body = json!({"name": " ", "lead": "x", "tags": ["a", "long"]});
        let Body { request, errors } = Body::<ThingRequest>::of(Fields::of_json(body));
        assert_eq!(errors.into_messages().into_keys().collect::<Vec<_>>(), ["lead", "name", "tags"]);
        assert_eq!((&*request.name, request.lead, request.tags.0.len()), ("", None, 0));
        let Body { request, errors } = Body::<ThingRequest>::of(Fields::of_json(json!({"tags": ["a", "a"]})));
        assert_eq!(errors.into_messages()["name"], ["This field is required."]);
        assert_eq!(request.tags.0, ["a"]);
    }

    #[test]
    fn a_patch_tells_null_from_a_field_that_was_not_sent() {
        let now = json!({"name": "now", "lead": 7, "tags": ["x"]});
        let patch = |body: Value| Body::<UpdateThingRequest>::of(Fields::of_json(body)).request.onto(&now);
        let kept = patch(json!({})).checked().unwrap();
        assert_eq!((&*kept.name, kept.lead.unwrap().0.unwrap().id), ("now", Some(7)));
        assert_eq!(kept.tags.0, ["x"]);
        let emptied = patch(json!({"lead": null, "tags": []})).checked().unwrap();
        assert_eq!((emptied.lead, emptied.tags.0), (Some(Nullable(None)), Vec::new()));
        assert_eq!(patch(json!({"name": null})).errors.into_messages().len(), 1);
    }

    #[test]
    fn the_struct_is_the_schema() {
        let schema = serde_json::to_value(ThingRequest::schema()).unwrap();
        assert_eq!(schema["description"], "A thing.");
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(
            schema["properties"]["name"],
            json!({"type": "string", "minLength": 1, "maxLength": 5, "description": "Its name."})
        );
        let patch = serde_json::to_value(UpdateThingRequest::schema()).unwrap();
        assert_eq!((&patch["description"], patch.get("required")), (&json!("The changes."), None));
        assert_eq!(patch["properties"], schema["properties"]);
    }
}
