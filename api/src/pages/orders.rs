//! `/orders/` and `/orders/<id>/`.

use std::collections::HashMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use sluice_schemas::status::Status;

use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::orders::assemble::{Order, OrderState};
use crate::orders::{detail, list};
use crate::pages::format::{self, LocalTime, Shortened, or_none};
use crate::pages::listing::ListView;
use crate::pages::names::{names_of, user_name};
use crate::snippet::Snippet;
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
    /// Tabler colour of the status.
    pub color: &'static str,
    pub payout: String,
    pub user: String,
    /// Reason for parking, in words; empty if the order is stored.
    pub parked: String,
}

impl OrderView {
    /// Formats an order, with times in `zone` and the buyer's name from `names`.
    #[must_use]
    pub fn new(order: Order, zone: TimeZone, names: &HashMap<i64, String>) -> Self {
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
            color: color(&status),
            status_text: state.map(|state| state.status_text.clone()).unwrap_or_default(),
            payout: state.map_or_else(|| format::NONE.to_owned(), payout),
            user: user_name(order.user_id, names),
            parked: order.parked.map(|reason| reason.replace('_', " ")).unwrap_or_default(),
            status,
        }
    }
}

fn payout(state: &OrderState) -> String {
    match state.payout_micros {
        0 => format::NONE.to_owned(),
        micros => format!("{} {}", json_values::amount(micros), state.currency),
    }
}

fn color(status: &str) -> &'static str {
    match status {
        "sale" | "rebill" => "green",
        "rejected" | "chargeback" => "red",
        "trash" => "secondary",
        "parked" => "orange",
        _ => "azure",
    }
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPage {
    frame: Frame,
    list: ListView,
    zone: &'static str,
    status: String,
    statuses: &'static [&'static str],
    rows: Vec<OrderView>,
    snippet: Snippet,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    frame: Frame,
    zone: &'static str,
    order: OrderView,
}

/// `GET /orders/`.
pub async fn list_orders_page(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let list = ListView::read(&mut params, listing.query(), false);
    let status = params.text("status").unwrap_or_default().to_owned();
    let page = list::collect(&app, &allowed, params, list.per_page).await?;
    let zone = allowed.viewer.time_zone;
    let names = names_of(&app, page.items.iter().map(|order| order.user_id)).await?;
    render(&OrdersPage {
        frame: Frame::new(&allowed, Section::Orders),
        list: list.followed_by(listing.query(), page.next.as_deref()),
        zone: zone.name(),
        status,
        statuses: &Status::WORDS,
        rows: page.items.into_iter().map(|order| OrderView::new(order, zone, &names)).collect(),
        snippet: Snippet::new(&app.config.edge, allowed.viewer.id),
    })
}

/// `GET /orders/<id>/`.
pub async fn show_order(
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    allowed: Allowed,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let order = detail::find(&app, &allowed, &id).await?;
    let zone = allowed.viewer.time_zone;
    let names = names_of(&app, [order.user_id]).await?;
    render(&OrderPage {
        frame: Frame::new(&allowed, Section::Orders),
        zone: zone.name(),
        order: OrderView::new(order, zone, &names),
    })
}
