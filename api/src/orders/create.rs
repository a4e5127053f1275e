//! `POST /api/orders/create/`: the seed's way, passed on to an edge.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::CreateErrors;
use crate::state::App;

/// The edge's path.
pub const PATH: &str = "/api/orders/create/";

/// A filled order form.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document; the edge reads it")]
pub struct CreateOrderRequest {
    /// The id that the prospect's answer gave. Any other text is kept, and parked.
    prospect_id: String,
    email: String,
    /// Up to 20 characters.
    phone_number: String,
    /// Up to 50 characters.
    first_name: String,
    /// Up to 50 characters.
    last_name: String,
    delivery_address: String,
}

/// What was taken, with its id.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct CreatedOrderResponse {
    id: Uuid,
    prospect_id: SentId,
    email: String,
    phone_number: String,
    first_name: String,
    last_name: String,
    delivery_address: String,
    #[schema(format = DateTime)]
    created_at: String,
    prospect: ProspectReference,
}

/// Only the id that the client sent: what else is known of a prospect is not the public's.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct ProspectReference {
    id: SentId,
}

/// An id as the client sent it: scripts also send numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub enum SentId {
    Text(String),
    Number(f64),
}

/// Create an order
///
/// Answered when the event is kept, also through a loss of power. An order whose prospect is
/// unknown is parked until the prospect appears.
#[utoipa::path(
    post, path = "/api/orders/create/", tag = "orders",
    request_body(content(
        (CreateOrderRequest = "application/json"),
        (CreateOrderRequest = "application/x-www-form-urlencoded"),
        (CreateOrderRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Kept", body = CreatedOrderResponse), CreateErrors),
    security(()),
)]
pub async fn create_order(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let body = body::read_bytes(request, &app).await?;
    app.edge.forward(&method, PATH, &headers, &client.address.to_string(), body).await
}

/// What a browser asks before it posts from another origin: the edge knows.
///
/// # Errors
/// 503 when the edge cannot be reached.
pub async fn preflight_order(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let address = client.address.to_string();
    app.edge.forward(request.method(), PATH, request.headers(), &address, Bytes::new()).await
}
