//! The OpenAPI 3.1 document, put together from the handlers by `router.rs`, and the errors that they have in common.

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse as _;
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use crate::error::DetailResponse;

/// What is not said by the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sluice",
        description = "Prospects, orders and people of a traffic-arbitrage team. \
            Log in at `/api/users/login/` and send the access token, or an API token, as `Authorization: Bearer …`. \
            Lists are bare arrays; the next page is in the `Link` header.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later"),
    ),
    components(schemas(DetailResponse)),
    modifiers(&Bearer),
    tags(
        (name = "users", description = "People and their tokens"),
        (name = "prospects", description = "Visits to landing pages"),
        (name = "orders", description = "Filled order forms"),
        (name = "account", description = "The caller's own account: profile, password, sessions, API tokens"),
        (name = "teams", description = "Teams, their leads and members"),
        (name = "campaigns", description = "What buyers run, and the tracking keys that pixels carry"),
        (name = "sources", description = "Where visits are bought"),
        (name = "partners", description = "Who accepts orders and pays"),
        (name = "funds", description = "Ad accounts, budgets, requests, transfers and the ledger"),
        (name = "audit", description = "Who changed what"),
    )
)]
pub struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.bearer_format = Some("JWT".to_owned());
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(http));
    }
}

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

/// What can be wrong with any body.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "describes answers in the OpenAPI document")]
pub enum Malformed {
    /// A field is missing or wrong, or the body cannot be read
    #[response(status = 400)]
    Bad(FieldErrorsResponse),
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
    Bad(BadRequestResponse),
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
    Bad(FieldErrorsResponse),
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
    Bad(FieldErrorsResponse),
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
    Bad(FieldErrorsResponse),
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
    Bad(FieldErrorsResponse),
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

/// `GET /openapi.json`.
pub async fn get_openapi(State(document): State<Arc<utoipa::openapi::OpenApi>>) -> Response {
    Json(document.as_ref()).into_response()
}
