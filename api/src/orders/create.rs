//! `POST /api/orders/create/`: the path of the legacy CRM. Forwards the request to an edge.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::openapi::CreateErrors;
use crate::http::state::App;
use crate::orders::model::CreatedOrderResponse;

/// Path of the same operation at the edge.
pub const PATH: &str = "/api/orders/create/";

/// A submitted order form.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document; the edge reads it")]
pub struct CreateOrderRequest {
    /// The id from the response that created the prospect. An order with any other text is parked.
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

/// Create an order
///
/// The response is sent when the order is synced to disk. An order with an unknown prospect is
/// parked until the prospect appears.
#[utoipa::path(
    post, path = "/api/orders/create/", tag = "orders",
    request_body = CreateOrderRequest,
    responses((status = 201, description = "Accepted and stored", body = CreatedOrderResponse), CreateErrors),
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

/// Forwards the CORS preflight request of a browser to the edge.
///
/// # Errors
/// 503 if the edge cannot be reached.
pub async fn preflight_order(
    State(app): State<App>,
    client: ClientInfo,
    request: Request,
) -> Result<Response, ApiError> {
    let address = client.address.to_string();
    app.edge.forward(request.method(), PATH, request.headers(), &address, Bytes::new()).await
}
