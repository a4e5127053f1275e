//! `GET /api/orders/detail/<id>/`: an order with its customer's data, its prospect and its money.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::scope::EventScope;
use crate::db::{orders, parked};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::precondition::versioned;
use crate::orders::assemble::{self, Order};
use crate::orders::list::OrderResponse;
use crate::policy::{self, Action, Resource};
use crate::state::App;

/// An order with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetailResponse {
    #[serde(flatten)]
    pub order: OrderResponse,
    /// Whose campaign brought it.
    pub user_id: Option<u64>,
    pub team_id: Option<u64>,
    pub campaign_id: Option<u64>,
    /// The status in the words in which it came.
    pub status_text: Option<String>,
    /// A decimal number.
    pub payout: Option<String>,
    pub currency: Option<String>,
}

impl From<Order> for OrderDetailResponse {
    fn from(order: Order) -> Self {
        let state = order.state.clone();
        Self {
            user_id: json_values::id(order.user_id),
            team_id: state.as_ref().and_then(|state| json_values::id(state.team_id)),
            campaign_id: state.as_ref().and_then(|state| json_values::id(state.campaign_id)),
            status_text: state.as_ref().map(|state| state.status_text.clone()),
            payout: state.as_ref().map(|state| json_values::amount(state.payout_micros)),
            currency: state.map(|state| state.currency),
            order: OrderResponse::from(order),
        }
    }
}

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

/// The order with this id, stored or parked, within the viewer's scope.
///
/// # Errors
/// 404 for an id that is none, nobody's, or out of scope: which of them is not said.
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
    let waiting = row.filter(|row| row.kind == "order" && row.state == "waiting");
    waiting.map(|row| assemble::parked(grant, row)).ok_or_else(ApiError::not_found)
}
