//! `DELETE /api/orders/delete/<id>/` deletes an order and subtracts it from the counts.
//! `POST /api/orders/<id>/erase/` erases only the customer's data.
//!
//! Both also work for a parked order, since a wish to be forgotten cannot wait for the prospect.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::change::{Act, Entity};

use crate::event_edits::Edit;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::precondition::expected_version;
use crate::http::state::App;
use crate::orders::change::apply;
use crate::orders::detail;
use crate::orders::model::OrderDetailResponse;

/// Delete an order
///
/// The order is also subtracted from the counts. A parked order can be deleted too.
#[utoipa::path(
    delete, path = "/api/orders/delete/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    responses((status = 204, description = "Deleted"), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_order(State(app): State<App>, call: Call<String>) -> Result<Response, ApiError> {
    end(&app, &call, Act::Delete).await
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
pub async fn erase_order(State(app): State<App>, call: Call<String>) -> Result<Response, ApiError> {
    end(&app, &call, Act::Erase).await
}

async fn end(app: &App, call: &Call<String>, act: Act) -> Result<Response, ApiError> {
    let order = detail::find(app, &call.allowed, &call.id).await?;
    let edit = Edit {
        entity: Entity::Order,
        id: order.id,
        prospect_id: order.prospect_ref.parse().unwrap_or_default(),
        act,
        fields: Vec::new(),
        reason: String::new(),
        expected_version: expected_version(&call.headers, order.version())?,
    };
    apply(app, call, order, edit).await
}
