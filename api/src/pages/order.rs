//! `/orders/<id>/`: an order, its customer and visit, and the timeline of its status.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::orders::assemble::Order;
use crate::orders::detail;
use crate::orders::model::OrderDetailResponse;
use crate::pages::calls::escaped;
use crate::pages::cell::Cell;
use crate::pages::detail::{Actions, At, actions};
use crate::pages::entity::{ORDERS, Refers};
use crate::pages::format::{self, LocalTime, Shortened, or_none};
use crate::pages::names::Names;
use crate::pages::site::Site;
use crate::pages::table::{plain, status_class, time_ms};
use crate::time_zone::TimeZone;

/// An order, formatted for pages.
#[derive(Debug)]
pub struct OrderView {
    pub id: String,
    pub created: LocalTime,
    pub customer: String,
    pub email: String,
    pub phone: String,
    pub address: String,
    /// The prospect's id, or the unknown reference that the order sent.
    pub prospect: Shortened,
    pub is_joined: bool,
    pub prospect_ip: String,
    pub prospect_agent: Shortened,
    pub prospect_referrer: Shortened,
    pub status: String,
    pub status_text: String,
    /// The class of the status: its color and shape.
    pub class: &'static str,
    pub payout: String,
    pub user: Cell,
    /// Reason for parking, in words; empty if the order is stored.
    pub parked: String,
}

impl OrderView {
    /// Formats an order, with times in `zone` and the buyer's name from `names`.
    #[must_use]
    pub fn new(order: Order, zone: TimeZone, names: &Names) -> Self {
        let contact = order.contact;
        let customer = format!("{} {}", contact.first_name, contact.last_name).trim().to_owned();
        let state = order.state.as_ref();
        let status = state.map_or("parked", |state| &state.status).to_owned();
        let prospect = order.prospect.as_ref();
        Self {
            id: order.id.to_string(),
            created: LocalTime::new(order.time_ms, zone),
            customer: or_none(customer),
            email: or_none(contact.email),
            phone: or_none(contact.phone_number),
            address: or_none(contact.delivery_address),
            prospect: Shortened::new(order.prospect_ref),
            is_joined: prospect.is_some(),
            prospect_ip: prospect.map(|prospect| format::ip(prospect.ip)).unwrap_or_default(),
            prospect_agent: Shortened::new(prospect.map(|row| row.user_agent.clone()).unwrap_or_default()),
            prospect_referrer: Shortened::new(prospect.map(|row| row.referrer.clone()).unwrap_or_default()),
            class: status_class(&status),
            status_text: state.map(|state| state.status_text.clone()).unwrap_or_default(),
            payout: or_none(
                state.map(|state| format::amount(state.payout_micros, &state.currency)).unwrap_or_default(),
            ),
            user: names.cell(Refers::User, i64::try_from(order.user_id).unwrap_or_default(), ""),
            parked: order.parked.map(|reason| reason.replace('_', " ")).unwrap_or_default(),
            status,
        }
    }
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    zone: &'static str,
    order: OrderView,
    actions: Actions,
    /// The statuses, the newest first.
    timeline: Vec<StatusView>,
}

/// A status of an order.
#[derive(Debug)]
pub struct StatusView {
    pub time: Option<LocalTime>,
    pub status: String,
    pub class: &'static str,
    /// The partner's word, where it is another.
    pub word: String,
    pub reason: String,
    /// The name of the person who set it.
    pub user: String,
}

impl StatusView {
    /// Formats a status.
    #[must_use]
    pub fn new(time: Option<LocalTime>, status: String, word: String, reason: String, user: String) -> Self {
        let word = if word == status { String::new() } else { word };
        Self { time, class: status_class(&status), status, word, reason, user }
    }
}

/// `GET /orders/<id>/`.
///
/// # Errors
/// 404 for an order that does not exist or is out of scope.
pub async fn show_order(
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    allowed: Allowed,
    api: Api,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let order = detail::find(&app, &allowed, &id).await?;
    let thing = serde_json::to_value(OrderDetailResponse::from(order.clone()))
        .map_err(|error| ApiError::internal(&error))?;
    let zone = allowed.viewer.time_zone;
    let names = Names::of_buyers(&app, [order.user_id]).await?;
    let timeline = if order.state.is_some() { timeline(&app, &api, &id, zone).await? } else { Vec::new() };
    let at = At { entity: &ORDERS, site: Site::Pages, id: &id, query: None };
    render(&OrderPage {
        frame: Frame::new(&allowed, Section::Orders),
        zone: zone.name(),
        actions: actions(&api, &at, &thing, None).await?,
        order: OrderView::new(order, zone, &names),
        timeline,
    })
}

async fn timeline(app: &App, api: &Api, id: &str, zone: TimeZone) -> Result<Vec<StatusView>, ApiError> {
    let reply = api.get(&format!("/api/orders/{}/history/", escaped(id))).await?;
    let lines = reply.body.as_array().cloned().unwrap_or_default();
    let names = Names::of_buyers(app, lines.iter().filter_map(|line| line.get("user_id")?.as_u64())).await?;
    let view = |line: &Value| {
        let text = |key: &str| line.get(key).map(plain).unwrap_or_default();
        let time = time_ms(&text("time")).map(|ms| LocalTime::new(ms, zone));
        let user = line.get("user_id").and_then(Value::as_u64).map(|id| names.buyer(id)).unwrap_or_default();
        StatusView::new(time, text("status"), text("status_text"), text("reason"), user)
    };
    Ok(lines.iter().rev().map(view).collect())
}
