//! The OpenAPI 3.1 document, which `routes.rs` collects from the handlers.

mod bodies;
mod entries;
mod errors;
mod examples;
mod throttling;
mod versions;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::http::error::{ApiError, DetailResponse};
use crate::http::precompressed::Precompressed;
pub use errors::*;

/// The parts of the document that do not come from handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Sluice",
        description = "Prospects, orders and users of a traffic-arbitrage team. \
            Log in at `/api/users/login/` and send the access token, or an API token, as `Authorization: Bearer …`. \
            Lists are bare arrays; the next page is in the `Link` header.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later"),
    ),
    components(schemas(
        DetailResponse, FieldErrorsResponse, BadRequestResponse, InvalidResponse, InvalidAccountResponse
    )),
    modifiers(&Bearer),
    tags(
        (name = "users", description = "Users and their tokens"),
        (name = "prospects", description = "Visits to landing pages"),
        (name = "orders", description = "Filled order forms"),
        (name = "account", description = "The caller's own account: profile, password, sessions, API tokens"),
        (name = "teams", description = "Teams, their leads and members"),
        (name = "campaigns", description = "Campaigns of buyers, and the tracking keys of their pixels"),
        (name = "sources", description = "Traffic sources, where visits are bought"),
        (name = "partners", description = "Partners, who accept orders and pay for them"),
        (name = "funds", description = "Ad accounts, budgets, requests, transfers and the ledger"),
        (name = "parked", description = "Parked events, which name something unknown, and decisions about them"),
        (name = "system", description = "The state of all services and databases, and the counts of the pipeline"),
        (name = "audit", description = "The audit trail of all changes"),
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

/// Completes the document with the headers of versions and with examples.
#[must_use]
pub fn finish(document: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(document).expect("its maps have string keys");
    bodies::add(&mut document);
    versions::add(&mut document);
    throttling::add(&mut document);
    examples::add(&mut document);
    document
}

/// `GET /openapi.json`.
///
/// # Errors
/// 500 if compressing panicked.
pub async fn get_openapi(
    State(document): State<Arc<Precompressed>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    document.answer(&headers).await
}
