//! The errors that operations have in common, as the document describes them.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use crate::http::error::DetailResponse;

/// Messages by field: `{"username": ["This field is required."]}`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct FieldErrorsResponse(BTreeMap<String, Vec<String>>);

/// `{"message": "Bad Request.", "errors": {…}}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct BadRequestResponse {
    message: String,
    errors: BTreeMap<String, Vec<String>>,
}

/// What is wrong with the fields of a body, or that it cannot be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum InvalidResponse {
    Fields(FieldErrorsResponse),
    Unreadable(DetailResponse),
}

/// The same, as the seed's account endpoints say it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum InvalidAccountResponse {
    Fields(BadRequestResponse),
    Unreadable(DetailResponse),
}

/// What can be wrong with any body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Malformed {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
}

/// What can be wrong with a registration or a login.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum AccountErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidAccountResponse),
    /// The token that was sent does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Registration is closed
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What can be wrong with a refresh token.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum RefreshErrors {
    /// The token is missing, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The token is unknown, expired, revoked or was used before
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
}

/// Too much was tried.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Throttled {
    /// Too much was tried; again after `Retry-After` seconds
    #[response(status = 429)]
    Throttled(DetailResponse),
}

/// Something behind this service is down.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Unavailable {
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What can be wrong with the reading of a list.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum ListErrors {
    /// A parameter cannot be meant
    #[response(status = 400)]
    Bad(FieldErrorsResponse),
    /// No token, or one that does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Not for this position
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What can be wrong with the reading of one thing.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum DetailErrors {
    /// No token, or one that does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Not for this position
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// There is none with this id within the viewer's scope
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What can be wrong with making something.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum MakeErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// No token, or one that does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Not for this position
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// Kept, but not seen yet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum OnItsWay {
    /// The change is kept and on its way: the next readings may not show it yet
    #[response(status = 202)]
    OnItsWay(DetailResponse),
}

/// What can be wrong with changing or removing something.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum ChangeErrors {
    /// A field is wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// No token, or one that does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Not for this position
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// There is none with this id within the viewer's scope
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// What it is now does not allow this change
    #[response(status = 409)]
    Conflict(DetailResponse),
    /// It was changed since the `ETag` of `If-Match` was read
    #[response(status = 412)]
    Changed(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What can be wrong with removing something, or with an action on it that takes no body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum RemoveErrors {
    /// No token, or one that does not hold
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Not for this position
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// There is none with this id within the viewer's scope
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// What it is now does not allow this
    #[response(status = 409)]
    Conflict(DetailResponse),
    /// It was changed since the `ETag` of `If-Match` was read
    #[response(status = 412)]
    Changed(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// What is there already does not allow it.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Conflict {
    /// The `Idempotency-Key` was used for something else, or what there is now does not allow this
    #[response(status = 409)]
    Conflict(DetailResponse),
}

/// What can be wrong with the reading of one thing with parameters.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum QueryErrors {
    /// A parameter cannot be meant
    #[response(status = 400)]
    Bad(FieldErrorsResponse),
}

/// What can be wrong with an event.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum CreateErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The body is of a type that is not taken
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// Too many from one address; again after `Retry-After` seconds
    #[response(status = 429)]
    Throttled(DetailResponse),
    /// The edge is down or full; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}
