//! The errors that operations share, as the OpenAPI document describes them.

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

/// Errors of the fields of a body, or of the body itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum InvalidResponse {
    Fields(FieldErrorsResponse),
    Unreadable(DetailResponse),
}

/// The same in the shape of the account endpoints.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum InvalidAccountResponse {
    Fields(BadRequestResponse),
    Unreadable(DetailResponse),
}

/// The errors of a body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Malformed {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
}

/// The errors of a registration or a login.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum AccountErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidAccountResponse),
    /// The token is not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// Registration is closed
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The errors of a refresh token.
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
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
}

/// The error of a rate limit.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Throttled {
    /// Too many attempts; try again after `Retry-After` seconds
    #[response(status = 429)]
    Throttled(DetailResponse),
}

/// The error of an unavailable server.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Unavailable {
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The errors of a list.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum ListErrors {
    /// A parameter is not valid
    #[response(status = 400)]
    Bad(FieldErrorsResponse),
    /// The token is missing or not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The caller's position does not permit this
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The errors of a request for one item.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum DetailErrors {
    /// The token is missing or not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The caller's position does not permit this
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The caller's scope has no item with this id
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The errors of a creation.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum MakeErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The token is missing or not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The caller's position does not permit this
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The response to a change that is not visible yet.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum OnItsWay {
    /// The change is stored, but responses may not show it yet
    #[response(status = 202)]
    OnItsWay(DetailResponse),
}

/// The errors of a change with a body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum ChangeErrors {
    /// A field is wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The token is missing or not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The caller's position does not permit this
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The caller's scope has no item with this id
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// The current state does not allow this change
    #[response(status = 409)]
    Conflict(DetailResponse),
    /// `If-Match` does not name the current version
    #[response(status = 412)]
    Changed(DetailResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The errors of a deletion, or of another change without a body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum RemoveErrors {
    /// The token is missing or not valid
    #[response(status = 401)]
    Unauthorized(DetailResponse),
    /// The caller's position does not permit this
    #[response(status = 403)]
    Forbidden(DetailResponse),
    /// The caller's scope has no item with this id
    #[response(status = 404)]
    NotFound(DetailResponse),
    /// The current state does not allow this
    #[response(status = 409)]
    Conflict(DetailResponse),
    /// `If-Match` does not name the current version
    #[response(status = 412)]
    Changed(DetailResponse),
    /// A server behind this one is down; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}

/// The error of a conflict.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Conflict {
    /// The `Idempotency-Key` was used for another request, or the current state does not allow this
    #[response(status = 409)]
    Conflict(DetailResponse),
}

/// The error of a wrong parameter.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum QueryErrors {
    /// A parameter is not valid
    #[response(status = 400)]
    Bad(FieldErrorsResponse),
}

/// The errors of an event.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum CreateErrors {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(InvalidResponse),
    /// The body is larger than 64 KiB
    #[response(status = 413)]
    TooLarge(DetailResponse),
    /// The content type of the body is not supported
    #[response(status = 415)]
    UnsupportedMediaType(DetailResponse),
    /// The edge is down or full; try again after `Retry-After` seconds
    #[response(status = 503)]
    Unavailable(DetailResponse),
}
