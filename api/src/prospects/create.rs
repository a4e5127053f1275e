//! `POST /api/prospects/create/`: the path of the legacy CRM. Checks that the buyer exists, which
//! an edge cannot do, and forwards the request to an edge.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::openapi::CreateErrors;
use crate::http::state::App;
use crate::prospects::model::CreatedProspectResponse;
use crate::prospects::user::find_user;

/// Path of the same operation at the edge.
pub const PATH: &str = "/api/prospects/create/";

/// A visit to a landing page.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document; the edge reads it")]
pub struct CreateProspectRequest {
    ip_address: String,
    user_agent: String,
    referral_source: String,
    /// The buyer.
    user_id: Option<i64>,
}

/// Create a prospect
///
/// The response is sent when the event is stored. The prospect appears in the list within seconds.
#[utoipa::path(
    post, path = "/api/prospects/create/", tag = "prospects",
    request_body = CreateProspectRequest,
    responses((status = 201, description = "Accepted and stored", body = CreatedProspectResponse), CreateErrors),
    security(()),
)]
pub async fn create_prospect(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let body = body::read_bytes(request, &app).await?;
    check_buyer(&app, &headers, &body).await?;
    app.edge.forward(&method, PATH, &headers, &client.address.to_string(), body).await
}

/// Forwards the CORS preflight request of a browser to the edge.
///
/// # Errors
/// 503 if the edge cannot be reached.
pub async fn preflight_prospect(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let address = client.address.to_string();
    app.edge.forward(request.method(), PATH, request.headers(), &address, Bytes::new()).await
}

async fn check_buyer(app: &App, headers: &HeaderMap, body: &Bytes) -> Result<(), ApiError> {
    // The edge refuses a body that cannot be read.
    let Ok(fields) = body::read(headers, body.clone()).await else { return Ok(()) };
    let Some(value) = fields.get("user_id") else { return Ok(()) };
    let key = Key::read(value).map_err(|message| ApiError::field("user_id", message))?;
    find_user(app, key).await.map(drop)
}
