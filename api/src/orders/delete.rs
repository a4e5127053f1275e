//! `DELETE /api/orders/delete/<id>/`: the order is gone, from the counts too. `POST /api/orders/<id>/erase/`: its customer's
//! data is gone, and what is counted stays. Both also for an order that waits for its prospect: nobody's wish to be forgotten
//! waits with it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use sluice_schemas::change::{Act, Entity};

use crate::audit::Actor;
use crate::changes::Edit;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::path_id::PathText;
use crate::http::precondition::expected_version;
use crate::orders::change::apply;
use crate::orders::detail::{self, OrderDetailResponse};
use crate::state::App;

/// Delete an order
#[utoipa::path(
    delete, path = "/api/orders/delete/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Gone"), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_order(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    end(&app, &allowed, &actor, &id, &headers, Act::Delete).await
}

/// Erase an order's customer
///
/// Removes names, e-mail, phone and address; the order stays, and is counted.
#[utoipa::path(
    post, path = "/api/orders/{id}/erase/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "Erased", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn erase_order(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    end(&app, &allowed, &actor, &id, &headers, Act::Erase).await
}

async fn end(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    id: &str,
    headers: &HeaderMap,
    act: Act,
) -> Result<Response, ApiError> {
    let order = detail::find(app, allowed, id).await?;
    let edit = Edit {
        entity: Entity::Order,
        id: order.id,
        prospect_id: order.prospect_ref.parse().unwrap_or_default(),
        act,
        fields: Vec::new(),
        reason: String::new(),
        expected_version: expected_version(headers, order.version())?,
    };
    apply(app, allowed, actor, order, edit).await
}
