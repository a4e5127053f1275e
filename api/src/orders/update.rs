//! `PUT`, `PATCH /api/orders/update/<id>/` and `POST /api/orders/<id>/set-status/`: what an order has become, what it pays,
//! and its customer's data. A lead of the order's team sets the status, an Owner everything.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use sluice_schemas::change::{Act, Entity};
use sluice_schemas::contact;
use sluice_schemas::status::Status;
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::changes::Edit;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::{ChangeErrors, OnItsWay};
use crate::http::path_id::PathText;
use crate::http::precondition::expected_version;
use crate::orders::assemble::Order;
use crate::orders::change::{apply, stored};
use crate::orders::detail::OrderDetailResponse;
use crate::policy::{self, Action, Resource, Scope};
use crate::state::App;

const MAX_REASON_CHARS: usize = 500;
const MAX_STATUS_TEXT_CHARS: usize = 100;

/// What to change; what is left out of a PATCH stays.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdateOrderRequest {
    /// `hold`, `sale`, `rejected`, `trash`, `chargeback`, `rebill`, or a partner's word for one of them.
    pub status: Option<String>,
    /// Why, for the history.
    pub reason: Option<String>,
    /// A decimal number, as text or as a number.
    pub payout: Option<String>,
    /// ISO 4217. A payout without one is in the order's, or in its campaign's where it has none.
    pub currency: Option<String>,
    pub email: Option<String>,
    pub phone_number: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub delivery_address: Option<String>,
}

/// The status to set.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct SetOrderStatusRequest {
    /// `hold`, `sale`, `rejected`, `trash`, `chargeback`, `rebill`, or a partner's word for one of them.
    pub status: String,
    /// Why, for the history.
    pub reason: Option<String>,
}

/// Change an order
///
/// A Team Lead sets the `status` of the own team's orders; everything else is an Owner's. The answer shows the order as it
/// is afterwards.
#[utoipa::path(
    patch, path = "/api/orders/update/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body(content(
        (UpdateOrderRequest = "application/json"),
        (UpdateOrderRequest = "application/x-www-form-urlencoded"),
        (UpdateOrderRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Changed", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_order(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &id, &headers, fields, false).await
}

/// Replace an order's data
///
/// As the change, but the customer's fields must all be there.
#[utoipa::path(
    put, path = "/api/orders/update/{id}/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body(content(
        (UpdateOrderRequest = "application/json"),
        (UpdateOrderRequest = "application/x-www-form-urlencoded"),
        (UpdateOrderRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Changed", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_order(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, &id, &headers, fields, true).await
}

/// Set an order's status
///
/// Allowed moves: hold to any; sale to rejected or chargeback; rejected to sale; rebill to rejected.
#[utoipa::path(
    post, path = "/api/orders/{id}/set-status/", tag = "orders", params(("id" = uuid::Uuid, Path)),
    request_body(content(
        (SetOrderStatusRequest = "application/json"),
        (SetOrderStatusRequest = "application/x-www-form-urlencoded"),
        (SetOrderStatusRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "Set", body = OrderDetailResponse), OnItsWay, ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn set_order_status(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathText(id): PathText,
    headers: HeaderMap,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    fields.required_text("status", MAX_STATUS_TEXT_CHARS);
    fields.finish().map_err(ApiError::fields)?;
    change(&app, &allowed, &actor, &id, &headers, fields.only(&["status", "reason"]), false).await
}

async fn change(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    id: &str,
    headers: &HeaderMap,
    mut fields: Fields,
    is_whole: bool,
) -> Result<Response, ApiError> {
    let order = stored(app, allowed, id).await?;
    check_team(allowed, &order)?;
    let is_more = is_whole || !fields.names_only(&["status", "reason"]);
    if is_more && policy::decide(allowed.viewer.position, Action::Update, Resource::Orders).is_none() {
        return Err(ApiError::forbidden());
    }
    let mut set = Vec::new();
    read_status(&mut fields, &order, &mut set);
    read_money(&mut fields, &mut set);
    read_contact(&mut fields, &order, is_whole, &mut set);
    if fields.get("prospect_id").is_some_and(|value| value.as_str() != Some(order.prospect_ref.as_str())) {
        fields.fail("prospect_id", "An order's prospect cannot be changed.");
    }
    let reason = fields.optional_text("reason", MAX_REASON_CHARS);
    fields.finish().map_err(ApiError::fields)?;
    // What completes a contact was read with this version of the order.
    let is_completed = set.iter().any(|(name, _)| *name == "email");
    let expected = expected_version(headers, order.version())?;
    let edit = Edit {
        entity: Entity::Order,
        id: order.id,
        prospect_id: order.prospect_ref.parse().unwrap_or_default(),
        act: Act::Update,
        fields: set,
        reason,
        expected_version: expected.or(is_completed.then(|| order.version())),
    };
    apply(app, allowed, actor, order, edit).await
}

/// A lead sees what they brought themselves in another team, but does not decide about it.
fn check_team(allowed: &Allowed, order: &Order) -> Result<(), ApiError> {
    let team_id = order.state.as_ref().map_or(0, |state| state.team_id);
    let own_team = allowed.viewer.team.as_ref().map_or(0, |(id, _)| id.unsigned_abs());
    let is_own = order.user_id == allowed.viewer.id.unsigned_abs();
    let is_others_team = allowed.grant.scope == Scope::Team && is_own && team_id != own_team;
    if is_others_team { Err(ApiError::forbidden()) } else { Ok(()) }
}

fn read_status(fields: &mut Fields, order: &Order, set: &mut Vec<(&'static str, String)>) {
    if fields.get("status").is_none() {
        return;
    }
    let Some(word) = fields.required_text("status", MAX_STATUS_TEXT_CHARS) else { return };
    let Some(status) = Status::parse(&word) else {
        return fields.fail("status", format!("\"{word}\" is not a valid choice."));
    };
    let now = order.state.as_ref().and_then(|state| Status::parse(&state.status)).unwrap_or(Status::Hold);
    if !now.may_become(status) {
        return fields.fail("status", format!("An order on {now} cannot become {status}."));
    }
    set.push(("status", status.as_str().to_owned()));
    set.push(("status_text", word));
}

fn read_money(fields: &mut Fields, set: &mut Vec<(&'static str, String)>) {
    if fields.get("payout").is_some()
        && let Some(text) = fields.required_text("payout", 30)
    {
        match json_values::micros(&text) {
            Some(micros) => set.push(("payout", micros.to_string())),
            None => {
                fields.fail("payout", "Enter an amount as 12.50: up to 12 digits, and six after the point.")
            }
        }
    }
    if fields.get("currency").is_some()
        && let Some(currency) = fields.required_currency("currency")
    {
        set.push(("currency", currency.code.to_owned()));
    }
}

/// Reads the customer's fields: all five or none. A field that was not sent keeps its value, and only
/// a sent one is checked: the edge may have accepted the stored one by an older rule.
fn read_contact(fields: &mut Fields, order: &Order, is_whole: bool, set: &mut Vec<(&'static str, String)>) {
    let is_sent = contact::FIELDS.map(|name| fields.get(name).is_some());
    if !is_sent.contains(&true) && !is_whole {
        return;
    }
    let known = &order.contact;
    if !is_whole && known.order_id.is_nil() && is_sent.contains(&false) {
        fields.fail(
            "non_field_errors",
            "There is no customer's data that this could be completed from: send all five fields.",
        );
        return;
    }
    let known =
        [&known.email, &known.phone_number, &known.first_name, &known.last_name, &known.delivery_address];
    for (index, name) in contact::FIELDS.into_iter().enumerate() {
        if !is_sent[index] && !is_whole {
            set.push((name, known[index].clone()));
            continue;
        }
        let text = fields.required_text(name, contact::MAX_CHARS[index]).unwrap_or_default();
        if name == "email" && !text.is_empty() && !contact::is_email(&text) {
            fields.fail(name, "Enter a valid email address.");
        }
        set.push((name, text));
    }
}
