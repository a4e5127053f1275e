//! `/prospects/<id>/`: a visit, its dimensions and its orders.

use crate::time_zone::TimeZone;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::db::changes::{self, StatusRow};
use crate::db::orders;
use crate::db::prospects::{ProspectDetailRow, ProspectRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::orders::assemble;
use crate::pages::cell::Cell;
use crate::pages::detail::{Actions, At, actions};
use crate::pages::entity::{PROSPECTS, Refers};
use crate::pages::format::{self, LocalTime, Shortened, or_none};
use crate::pages::names::Names;
use crate::pages::order::OrderView;
use crate::pages::site::Site;
use crate::pages::trail::{self, Step, trail};
use crate::prospects::detail;

/// A visit, formatted for pages.
#[derive(Debug)]
pub struct ProspectView {
    pub id: String,
    pub created: LocalTime,
    pub ip: String,
    pub user_agent: Shortened,
    pub referrer: Shortened,
    pub country: String,
    pub bot: String,
    pub user: Cell,
}

#[derive(Template)]
#[template(path = "prospect.html")]
struct ProspectPage {
    frame: Frame,
    zone: &'static str,
    prospect: ProspectView,
    facts: Vec<(&'static str, Cell)>,
    /// Each mark, and its meaning.
    marks: Vec<(String, String)>,
    trail: Vec<Step>,
    orders: Vec<OrderView>,
    actions: Actions,
}

/// `GET /prospects/<id>/`.
pub async fn show_prospect(
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    allowed: Allowed,
    api: Api,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let (row, scope) = detail::find(&app, &allowed, &id).await?;
    let zone = allowed.viewer.time_zone;
    let prospect_orders = orders::of_prospect(&app.clickhouse, &scope, row.prospect_id, row.time_ms).await?;
    let statuses = changes::statuses(&app.clickhouse, &trail::shown(&prospect_orders)).await?;
    let names = Names::load(&app, references(&row, &statuses)).await?;
    let prospect_orders = assemble::stored(&app.clickhouse, allowed.grant, prospect_orders).await?;
    let at = At { entity: &PROSPECTS, site: Site::Pages, id: &id, query: None };
    render(&ProspectPage {
        actions: actions(&api, &at, &Value::Null, None).await?,
        frame: Frame::new(&allowed, Section::Prospects),
        zone: zone.name(),
        facts: facts(&row, &names),
        marks: row.marks.iter().map(|mark| (mark.clone(), meaning(mark))).collect(),
        trail: trail(row.time_ms, &prospect_orders, statuses, zone, &names),
        prospect: view(ProspectRow::from(row), zone, &names),
        orders: prospect_orders.into_iter().map(|order| OrderView::new(order, zone, &names)).collect(),
    })
}

/// Returns a mark in words. `docs/outcomes.md` lists the marks.
fn meaning(mark: &str) -> String {
    match mark.split_once(':').unwrap_or((mark, "")) {
        ("cut", field) => format!("{field} was too long and was cut"),
        ("macro", field) => format!("the traffic source did not fill in {field}"),
        ("bad", field) => format!("{field} could not be read and is not stored"),
        ("encoding", "") => "a text is not UTF-8".to_owned(),
        ("encoding", field) => format!("{field} is not UTF-8"),
        ("pid_invalid", _) => "the visitor's id is not a UUID".to_owned(),
        ("query_mended", _) => "the address was repaired".to_owned(),
        ("seed_path", _) => "sent to the address of the legacy CRM".to_owned(),
        ("ip_anonymised", _) => "the IP address was shortened before it was stored".to_owned(),
        ("head", _) => "a HEAD request, which shows nothing to anybody".to_owned(),
        ("prefetch", _) => "the browser loaded the page before anybody opened it".to_owned(),
        _ => mark.replace('_', " "),
    }
}

fn view(row: ProspectRow, zone: TimeZone, names: &Names) -> ProspectView {
    ProspectView {
        id: row.prospect_id.to_string(),
        created: LocalTime::new(row.time_ms, zone),
        ip: format::ip(row.ip),
        user_agent: Shortened::new(row.user_agent),
        referrer: Shortened::new(or_none(row.referrer)),
        country: or_none(row.country),
        bot: row.bot.replace('_', " "),
        user: names.cell(Refers::User, id(row.user_id), ""),
    }
}

/// Postgres has signed ids.
fn id(id: u64) -> i64 {
    i64::try_from(id).unwrap_or_default()
}

/// Returns the people and things that the visit and the statuses of its orders refer to.
fn references(row: &ProspectDetailRow, statuses: &[StatusRow]) -> Vec<(Refers, i64)> {
    let actors = statuses.iter().map(|status| (Refers::User, status.actor_id));
    [(Refers::User, row.user_id), (Refers::Team, row.team_id), (Refers::Campaign, row.campaign_id)]
        .into_iter()
        .chain(actors)
        .filter_map(|(refers, id)| Some((refers, i64::try_from(id).ok().filter(|id| *id > 0)?)))
        .collect()
}

/// Returns the dimensions of the visit that have a value.
fn facts(row: &ProspectDetailRow, names: &Names) -> Vec<(&'static str, Cell)> {
    const SUBS: [&str; 20] = [
        "sub1", "sub2", "sub3", "sub4", "sub5", "sub6", "sub7", "sub8", "sub9", "sub10", "sub11", "sub12",
        "sub13", "sub14", "sub15", "sub16", "sub17", "sub18", "sub19", "sub20",
    ];
    let external = match row.external_kind.as_str() {
        "" => row.external_id.clone(),
        kind => format!("{} ({kind})", row.external_id),
    };
    let cost = format::amount(row.cost_micros, &row.currency);
    let things = [
        ("Campaign", names.cell(Refers::Campaign, id(row.campaign_id), "")),
        ("Team", names.cell(Refers::Team, id(row.team_id), "")),
    ];
    let texts = [
        ("Landing page", row.page.clone()),
        ("Device", row.device.clone()),
        ("Operating system", row.os.clone()),
        ("Browser", row.browser.clone()),
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
    let texts = texts.into_iter().chain(subs).filter(|(_, text)| !text.is_empty());
    let things = things.into_iter().filter(|(_, cell)| !matches!(cell, Cell::None));
    things.chain(texts.map(|(name, text)| (name, Cell::Whole(text)))).collect()
}
