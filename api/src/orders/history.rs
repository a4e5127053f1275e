//! `GET /api/orders/<id>/history/`: lists the statuses of an order with their authors and reasons,
//! oldest first.

use axum::Json;
use axum::extract::State;
use sluice_schemas::status::Status;

use crate::db;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::orders::detail;
use crate::orders::model::OrderStatusResponse;

/// List the statuses of an order
#[utoipa::path(
    get, path = "/api/orders/{id}/history/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "Statuses, oldest first", body = Vec<OrderStatusResponse>), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn list_order_statuses(
    State(app): State<App>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Json<Vec<OrderStatusResponse>>, ApiError> {
    let order = detail::find(&app, &allowed, &id).await?;
    let given = db::changes::statuses(&app.clickhouse, &[order.id]).await?;
    let first = OrderStatusResponse {
        time: json_values::time(order.time_ms),
        status: Status::Hold.as_str().to_owned(),
        status_text: String::new(),
        reason: String::new(),
        user_id: None,
    };
    let given = given.into_iter().map(|row| OrderStatusResponse {
        time: json_values::time(row.time_ms),
        status: row.status,
        status_text: row.status_text,
        reason: row.reason,
        user_id: json_values::id(row.actor_id),
    });
    Ok(Json(std::iter::once(first).chain(given).collect()))
}
