//! The OpenAPI 3.1 document, put together from the handlers by `router.rs`.

mod errors;
mod examples;
mod versions;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http::error::DetailResponse;
pub use errors::*;

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
    components(schemas(
        DetailResponse, FieldErrorsResponse, BadRequestResponse, InvalidResponse, InvalidAccountResponse
    )),
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

/// The document as it is served: what the handlers say, with the headers of versions, and examples.
#[must_use]
pub fn finish(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).expect("its maps have texts for keys");
    versions::add(&mut document);
    examples::add(&mut document);
    document
}

/// The entries of an object; none of anything else.
fn map(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}

/// `GET /openapi.json`.
pub async fn get_openapi(State(document): State<Arc<Value>>) -> Response {
    Json(document.as_ref()).into_response()
}
