//! `GET /api/orders/detail/<id>/`: returns an order with its contact, prospect and money.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::db::parked::ParkedRow;
use crate::db::scope::EventScope;
use crate::db::{orders, parked};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::orders::assemble::{self, Order};
use crate::orders::model::OrderDetailResponse;
use crate::policy::{self, Action, Resource};

/// Get an order
#[utoipa::path(
    get, path = "/api/orders/detail/{id}/", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The order", body = OrderDetailResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_order(
    State(app): State<App>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let order = find(&app, &allowed, &id).await?;
    Ok(versioned(order.version().into(), &OrderDetailResponse::from(order)))
}

/// Returns a stored or parked order within the viewer's scope.
///
/// # Errors
/// 404 for an invalid or unknown id, or one out of scope, without telling which.
pub async fn find(app: &App, allowed: &Allowed, id: &str) -> Result<Order, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    if let Some(row) = orders::find(&app.clickhouse, &scope, id).await? {
        let mut found = assemble::stored(&app.clickhouse, allowed.grant, vec![row]).await?;
        return found.pop().ok_or_else(ApiError::not_found);
    }
    let grant = policy::decide(allowed.viewer.position, Action::View, Resource::Parked)
        .ok_or_else(ApiError::not_found)?;
    let row = parked::find(&app.clickhouse, id).await?;
    let is_kept = |row: &ParkedRow| row.kind == "order" && (row.state == "waiting" || row.can_wait_again());
    let waiting = row.filter(is_kept);
    waiting.map(|row| assemble::parked(grant, row)).ok_or_else(ApiError::not_found)
}
