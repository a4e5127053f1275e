//! `PUT`, `PATCH /api/orders/update/<id>/` and `POST /api/orders/<id>/set-status/`: edit the
//! status, payout and contact of an order.
//!
//! The lead of the order's team may set the status, an Owner everything.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::change::{Act, Entity};
use sluice_schemas::status::Status;

use crate::event_edits::Edit;
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::precondition::expected_version;
use crate::http::request::Body;
use crate::http::state::App;
use crate::orders::assemble::Order;
use crate::orders::change::{apply, stored};
use crate::orders::model::{OrderDetailResponse, OrderEdit, SetOrderStatusRequest, UpdateOrderRequest};
use crate::policy::{self, Action, Resource, Scope};

/// Update an order
///
/// A Team Lead may set the `status` of their own team's orders, an Owner may change everything.
/// Omitted fields keep their values. The response shows the edited order.
#[utoipa::path(
    patch, path = "/api/orders/update/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateOrderRequest,
    responses((status = 200, description = "The updated order", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_order(
    State(app): State<App>,
    call: Call<String>,
    body: Body<OrderEdit>,
) -> Result<Response, ApiError> {
    change(&app, &call, body).await
}

/// Replace the data of an order
///
/// Like the update, but all fields of the customer are required.
#[utoipa::path(
    put, path = "/api/orders/update/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body = UpdateOrderRequest,
    responses((status = 200, description = "The updated order", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_order(
    State(app): State<App>,
    call: Call<String>,
    Body { mut request, mut errors }: Body<OrderEdit>,
) -> Result<Response, ApiError> {
    request.is_status_only = false;
    let sent = &request.request;
    for (name, is_sent) in [
        ("email", sent.email.is_some()),
        ("phone_number", sent.phone_number.is_some()),
        ("first_name", sent.first_name.is_some()),
        ("last_name", sent.last_name.is_some()),
        ("delivery_address", sent.delivery_address.is_some()),
    ] {
        if !is_sent {
            errors.fail_missing(name);
        }
    }
    change(&app, &call, Body { request, errors }).await
}

/// Set the status of an order
///
/// Allowed moves: hold to any, sale to rejected or chargeback, rejected to sale, rebill to
/// rejected. Any other move is a 400 at `status`.
#[utoipa::path(
    post, path = "/api/orders/{id}/set-status/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body = SetOrderStatusRequest,
    responses((status = 200, description = "Set", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn set_order_status(
    State(app): State<App>,
    call: Call<String>,
    Body { request, errors }: Body<SetOrderStatusRequest>,
) -> Result<Response, ApiError> {
    if request.status.is_empty() {
        errors.finish()?;
    }
    change(&app, &call, Body { request: request.into(), errors }).await
}

async fn change(app: &App, call: &Call<String>, body: Body<OrderEdit>) -> Result<Response, ApiError> {
    let Body { request: edit, mut errors } = body;
    let order = stored(app, &call.allowed, &call.id).await?;
    check_team(&call.allowed, &order)?;
    let position = call.allowed.viewer.position;
    if !edit.is_status_only && policy::decide(position, Action::Update, Resource::Orders).is_none() {
        return Err(ApiError::forbidden());
    }
    let OrderEdit { request, prospect_id, .. } = edit;
    let mut set = Vec::new();
    if let Some(word) = request.status.clone().filter(|word| !word.is_empty()) {
        set_status(word.0, &order, &mut set, &mut errors);
    }
    set.extend(request.payout.map(|payout| ("payout", payout.0.to_string())));
    let currency = request.currency.and_then(|currency| currency.0);
    set.extend(currency.map(|currency| ("currency", currency.code.to_owned())));
    let reason = request.reason.0.clone();
    set_contact(request, &order, &mut set, &mut errors);
    if prospect_id.is_some_and(|value| value.as_str() != Some(order.prospect_ref.as_str())) {
        errors.fail("prospect_id", "An order's prospect cannot be changed.");
    }
    errors.finish()?;
    // The omitted fields of the contact were read with this version of the order.
    let is_completed = set.iter().any(|(name, _)| *name == "email");
    let expected = expected_version(&call.headers, order.version())?;
    let edit = Edit {
        entity: Entity::Order,
        id: order.id,
        prospect_id: order.prospect_ref.parse().unwrap_or_default(),
        act: Act::Update,
        fields: set,
        reason,
        expected_version: expected.or(is_completed.then(|| order.version())),
    };
    apply(app, call, order, edit).await
}

/// Refuses a Team Lead's own orders from another team: they see them, but may not change them.
fn check_team(allowed: &Allowed, order: &Order) -> Result<(), ApiError> {
    let team_id = order.state.as_ref().map_or(0, |state| state.team_id);
    let own_team = allowed.viewer.team.as_ref().map_or(0, |(id, _)| id.unsigned_abs());
    let is_own = order.user_id == allowed.viewer.id.unsigned_abs();
    let is_others_team = allowed.grant.scope == Scope::Team && is_own && team_id != own_team;
    if is_others_team { Err(ApiError::forbidden()) } else { Ok(()) }
}

fn set_status(word: String, order: &Order, set: &mut Vec<(&'static str, String)>, errors: &mut Errors) {
    let Some(status) = Status::parse(&word) else {
        return errors.fail("status", format!("\"{word}\" is not a valid choice."));
    };
    let now = order.state.as_ref().and_then(|state| Status::parse(&state.status)).unwrap_or(Status::Hold);
    if !now.may_become(status) {
        return errors.fail("status", format!("An order on {now} cannot become {status}."));
    }
    set.push(("status", status.as_str().to_owned()));
    set.push(("status_text", word));
}

/// Sets all five fields or none. Omitted fields keep their values.
fn set_contact(
    request: UpdateOrderRequest,
    order: &Order,
    set: &mut Vec<(&'static str, String)>,
    errors: &mut Errors,
) {
    let known = &order.contact;
    let fields = [
        ("email", request.email.map(|email| email.0), &known.email),
        ("phone_number", request.phone_number.map(|text| text.0), &known.phone_number),
        ("first_name", request.first_name.map(|text| text.0), &known.first_name),
        ("last_name", request.last_name.map(|text| text.0), &known.last_name),
        ("delivery_address", request.delivery_address.map(|text| text.0), &known.delivery_address),
    ];
    let n_sent = fields.iter().filter(|(_, sent, _)| sent.is_some()).count();
    if n_sent == 0 {
        return;
    }
    if known.order_id.is_nil() && n_sent < fields.len() && errors.ok().is_some() {
        errors.fail(
            "non_field_errors",
            "There is no customer's data that this could be completed from: send all five fields.",
        );
        return;
    }
    set.extend(fields.into_iter().map(|(name, sent, known)| (name, sent.unwrap_or_else(|| known.clone()))));
}
