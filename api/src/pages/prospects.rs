//! `/prospects/` and `/prospects/<id>/`.

use std::collections::HashMap;

use crate::time_zone::TimeZone;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use futures::TryFutureExt as _;

use crate::db::orders;
use crate::db::prospects::{ProspectDetailRow, ProspectRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::orders::assemble;
use crate::pages::format::{self, LocalTime, Shortened, or_none};
use crate::pages::listing::ListView;
use crate::pages::names::{names_of, user_name};
use crate::pages::orders::OrderView;
use crate::prospects::{detail, list};
use crate::snippet::Snippet;

/// A row of the list.
#[derive(Debug)]
pub struct ProspectView {
    pub id: String,
    pub created: LocalTime,
    pub ip: String,
    pub user_agent: Shortened,
    pub referrer: Shortened,
    pub country: String,
    pub bot: String,
    pub user: String,
}

#[derive(Template)]
#[template(path = "prospects.html")]
struct ProspectsPage {
    frame: Frame,
    list: ListView,
    zone: &'static str,
    rows: Vec<ProspectView>,
    snippet: Snippet,
}

#[derive(Template)]
#[template(path = "prospect.html")]
struct ProspectPage {
    frame: Frame,
    zone: &'static str,
    prospect: ProspectView,
    facts: Vec<(&'static str, String)>,
    marks: Vec<String>,
    orders: Vec<OrderView>,
}

/// `GET /prospects/`.
pub async fn list_prospects_page(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let list = ListView::read(&mut params, listing.query(), false);
    let page = list::collect(&app, &allowed, params, list.per_page).await?;
    let zone = allowed.viewer.time_zone;
    let names = names_of(&app, page.items.iter().map(|row| row.user_id)).await?;
    render(&ProspectsPage {
        frame: Frame::new(&allowed, Section::Prospects),
        list: list.followed_by(listing.query(), page.next.as_deref()),
        zone: zone.name(),
        rows: page.items.into_iter().map(|row| view(row, zone, &names)).collect(),
        snippet: Snippet::new(&app.config.edge, allowed.viewer.id),
    })
}

/// `GET /prospects/<id>/`.
pub async fn show_prospect(
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    allowed: Allowed,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let (row, scope) = detail::find(&app, &allowed, &id).await?;
    let zone = allowed.viewer.time_zone;
    let prospect_orders =
        orders::of_prospect(&app.clickhouse, &scope, row.prospect_id, row.time_ms).err_into();
    let (prospect_orders, names) = futures::try_join!(prospect_orders, names_of(&app, [row.user_id]))?;
    let prospect_orders = assemble::stored(&app.clickhouse, allowed.grant, prospect_orders).await?;
    render(&ProspectPage {
        frame: Frame::new(&allowed, Section::Prospects),
        zone: zone.name(),
        facts: facts(&row),
        marks: row.marks.clone(),
        prospect: view(ProspectRow::from(row), zone, &names),
        orders: prospect_orders.into_iter().map(|order| OrderView::new(order, zone, &names)).collect(),
    })
}

fn view(row: ProspectRow, zone: TimeZone, names: &HashMap<i64, String>) -> ProspectView {
    ProspectView {
        id: row.prospect_id.to_string(),
        created: LocalTime::new(row.time_ms, zone),
        ip: format::ip(row.ip),
        user_agent: Shortened::new(row.user_agent),
        referrer: Shortened::new(or_none(row.referrer)),
        country: or_none(row.country),
        bot: row.bot,
        user: user_name(row.user_id, names),
    }
}

/// Returns the dimensions of the visit that have a value.
fn facts(row: &ProspectDetailRow) -> Vec<(&'static str, String)> {
    const SUBS: [&str; 20] = [
        "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7", "sub8", "sub9", "sub10", "sub11", "sub12",
        "sub13", "sub14", "sub15", "sub16", "sub17", "sub18", "sub19", "sub20",
    ];
    let external = match row.external_kind.as_str() {
        "" => row.external_id.clone(),
        kind => format!("{} ({kind})", row.external_id),
    };
    let cost = if row.cost_micros == 0 {
        String::new()
    } else {
        format!("{} {}", json_values::amount(row.cost_micros), row.currency)
    };
    let number = |id: u64| if id == 0 { String::new() } else { id.to_string() };
    let texts = [
        ("Landing page", row.page.clone()),
        ("Device", row.device.clone()),
        ("Operating system", row.os.clone()),
        ("Browser", row.browser.clone()),
        ("Campaign", number(row.campaign_id)),
        ("Team", number(row.team_id)),
        ("External id", external),
        ("utm_source", row.utm_source.clone()),
        ("utm_medium", row.utm_medium.clone()),
        ("utm_campaign", row.utm_campaign.clone()),
        ("utm_content", row.utm_content.clone()),
        ("utm_term", row.utm_term.clone()),
        ("Keyword", row.keyword.clone()),
        ("Creative", row.creative_id.clone()),
        ("Ad campaign", row.ad_campaign_id.clone()),
        ("Placement", row.placement.clone()),
        ("Cost", cost),
    ];
    let subs = SUBS.into_iter().zip(row.subs.iter().cloned());
    texts.into_iter().chain(subs).filter(|(_, text)| !text.is_empty()).collect()
}
