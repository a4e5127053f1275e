//! `DELETE /api/orders/delete/<id>/` deletes an order and subtracts it from the counts.
//! `POST /api/orders/<id>/erase/` erases only the customer's data.
//!
//! Both also work for a parked order, since a wish to be forgotten cannot wait for the prospect.

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
///
/// The order is also subtracted from the counts. A parked order can be deleted too.
#[utoipa::path(
    delete, path = "/api/orders/delete/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Deleted"), OnItsWay, ChangeErrors),
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

/// Erase the customer of an order
///
/// Removes names, e-mail, phone and address. The order stays and still counts. A parked order can
/// be erased too.
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
