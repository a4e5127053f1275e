//! `/reports/`: any question about the traffic, as a table and a chart. The address is the whole
//! state; the figures are those of `GET /api/reports/`.

mod address;
mod answer;
mod chart;
mod controls;
mod numbers;
mod table;
pub mod views;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::DateTime;
use uuid::Uuid;

use crate::dates::control::{Control, Dates, DatesView};
use crate::dates::range::Present;
use crate::db::audit::Actor;
use crate::http::allowed::Allowed;
use crate::http::error::{ApiError, FieldErrors};
use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::query::Params;
use crate::http::state::App;
use crate::pages::entity::Refers;
use crate::pages::format::traffic_of;
use crate::pages::names::Names;
use crate::pages::reports::address::Address;
use crate::pages::reports::answer::{Answer, MissingRate, Schema};
use crate::pages::reports::chart::ChartView;
use crate::pages::reports::controls::{Controls, Labels, filter_of};
use crate::pages::reports::table::TableView;
use crate::pages::reports::views::SavedView;
use crate::policy::{Action, Resource, decide};
use crate::reports::csv;

/// Messages, with the id of the place where each is repeated.
type Problems = Vec<(Option<String>, String)>;

#[derive(Template)]
#[template(path = "reports.html")]
struct ReportPage {
    frame: Frame,
    scope: &'static str,
    dates: DatesView,
    controls: Controls,
    views: Vec<SavedView>,
    /// The query of the page, for the forms of views.
    query: String,
    /// Makes a second press of Save harmless.
    idempotency_key: String,
    may_publish: bool,
    report: Option<Report>,
    problems: Problems,
    csv_href: String,
}

/// The figures, unless there is a problem.
struct Report {
    /// The time of the figures, as "15:42:10".
    clock: String,
    table: TableView,
    chart: Option<ChartView>,
    missing_rates: Vec<MissingRate>,
    compared: Option<String>,
    is_empty: bool,
}

/// `GET /reports/`.
///
/// # Errors
/// 503 with the form kept if the figures take too long or ClickHouse is down. 400 with the form for
/// wrong parameters.
pub async fn show_reports(State(app): State<App>, api: Api, listing: Listing) -> Result<Response, PageError> {
    let query = listing.query().unwrap_or_default();
    let address = Address::parse(query);
    let reply = api.get("/api/reports/schema/").await?;
    let schema: Schema = serde_json::from_value(reply.body).map_err(|error| ApiError::internal(&error))?;
    if let Some(filtered) = controls::filtered(&address, &schema) {
        return Ok(Redirect::to(&filtered.href()).into_response());
    }
    let views = views::load(&api, &address).await?;
    if let Some(start) = views.iter().find(|view| view.is_starred && query.is_empty()) {
        return Ok(Redirect::to(&start.href).into_response());
    }
    let address = of_form(address);
    let kept = address.query();
    let mut params = Params::parse(Some(&kept));
    let viewer = Present::of(&api.caller().viewer, app.clock.now_ms());
    let dates = Dates::read(&mut params, Some(&kept), viewer, Control::REPORT);
    let asked = match params.finish() {
        Ok(()) => load(&api, &address, &listing, &schema, &dates).await,
        Err(error) => Err(error),
    };
    let labels = labels(&app, &address, &schema).await?;
    let frame = Frame::new(api.caller(), Section::Reports);
    let (report, status, problems, shown) = match asked {
        Ok((report, answer)) => (Some(report), StatusCode::OK, Vec::new(), (answer.group_by, answer.metrics)),
        Err(error) => {
            let (status, problems) = problems(&error, &dates)?;
            (None, status, problems, asked_for(&address))
        }
    };
    let page = ReportPage {
        frame,
        scope: traffic_of(api.caller().grant.scope),
        controls: Controls::new(&address, &schema, &shown.0, &shown.1, &labels),
        csv_href: format!(
            "/reports/export.csv?{}",
            address.clone().without(&["open", "chart", "chart_as"]).query()
        ),
        dates: dates.view(),
        views,
        query: address.query(),
        idempotency_key: Uuid::now_v7().to_string(),
        may_publish: decide(api.caller().viewer.position, Action::Create, Resource::Figures).is_some(),
        report,
        problems,
    };
    Ok((status, render(&page)?).into_response())
}

/// `GET /reports/export.csv`: all rows of the report.
///
/// # Errors
/// 400 for wrong parameters, 503 when ClickHouse is down.
pub async fn export_report(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    listing: Listing,
) -> Result<Response, PageError> {
    Ok(csv::send(app, allowed, actor, listing.query()).await?)
}

/// Own columns stay only if the form's choice of columns is "own".
fn of_form(address: Address) -> Address {
    match address.get("preset") {
        Some("own") if address.get("metrics").is_some() => address.without(&["preset"]),
        Some("own") => address.without(&["preset"]),
        Some(_) => address.without(&["metrics"]),
        None => address,
    }
}

/// The groups and columns of an address that has no answer.
fn asked_for(address: &Address) -> (Vec<String>, Vec<String>) {
    let list = |name| address.get(name).unwrap_or_default().split(',').map(str::to_owned).collect();
    (list("group_by"), list("metrics"))
}

async fn load(
    api: &Api,
    address: &Address,
    listing: &Listing,
    schema: &Schema,
    dates: &Dates,
) -> Result<(Report, Answer), ApiError> {
    let cursor = listing.params().text("cursor").map(str::to_owned);
    let asked = cursor.map_or_else(|| address.clone(), |cursor| address.clone().and("cursor", &cursor));
    let reply = api.get(&format!("/api/reports/?{}", asked.query())).await?;
    let answer: Answer = serde_json::from_value(reply.body).map_err(|error| ApiError::internal(&error))?;
    let buckets = dates.buckets(dates.range.from_ms);
    let request = chart::Request {
        api,
        address,
        answer: &answer,
        schema,
        interval: dates.interval.word(),
        buckets: &buckets,
    };
    let chart = chart::load(&request).await?;
    let as_of_ms = DateTime::parse_from_rfc3339(&answer.as_of).map_or(0, |time| time.timestamp_millis());
    let report = Report {
        clock: dates.present.zone.format(as_of_ms, "%H:%M:%S"),
        table: table::table(address, &answer, schema),
        chart,
        missing_rates: answer.missing_rates.clone(),
        compared: answer.compare.as_ref().and_then(|compare| Some(compare.get("name")?.as_str()?.to_owned())),
        is_empty: answer.rows.is_empty(),
    };
    Ok((report, answer))
}

/// Messages for the page, with its status. Other errors have a page of their own.
fn problems(error: &ApiError, dates: &Dates) -> Result<(StatusCode, Problems), PageError> {
    let view = dates.view();
    if let Some(messages) = error.messages() {
        let messages: &FieldErrors = messages;
        let lines = messages.iter().flat_map(|(name, texts)| {
            let id = view.id_of(name);
            let prefix = if id.is_some() { String::new() } else { format!("{name}: ") };
            texts.iter().map(move |text| (id.clone(), format!("{prefix}{text}"))).collect::<Vec<_>>()
        });
        return Ok((StatusCode::BAD_REQUEST, lines.collect()));
    }
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        return Ok((StatusCode::SERVICE_UNAVAILABLE, vec![(None, error.sentence())]));
    }
    Err(error.clone().into())
}

/// The names of the things that filters name.
async fn labels(app: &App, address: &Address, schema: &Schema) -> Result<Labels, ApiError> {
    let named: Vec<(&(String, String), Refers, i64)> = address
        .pairs()
        .iter()
        .filter_map(|pair| {
            let (dimension, _) = filter_of(schema, &pair.0)?;
            let refers = Refers::of_path(dimension.refers.as_deref()?)?;
            Some((pair, refers, pair.1.parse().ok()?))
        })
        .collect();
    let names = Names::load(app, named.iter().map(|(_, refers, id)| (*refers, *id)).collect()).await?;
    Ok(named.into_iter().map(|(pair, refers, id)| (pair.clone(), names.name(refers, id))).collect())
}
