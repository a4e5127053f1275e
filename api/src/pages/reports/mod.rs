//! `/reports/`: any question about the traffic, as a table and a chart. The address is the whole
//! state; the figures are those of `GET /api/reports/`.

mod address;
pub(in crate::pages) mod answer;
mod chart;
mod controls;
pub mod head;
pub(in crate::pages) mod numbers;
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
use crate::pages::reports::controls::{Asked, Controls, Labels, filter_of};
use crate::pages::reports::table::TableView;
use crate::pages::reports::views::SavedView;
use crate::policy::{Action, Resource, Scope, decide};
use crate::reports::csv;

/// The files that a report can be downloaded as: the name and the word of the separator.
const FILES: [(&str, &str); 3] =
    [("Commas", "comma"), ("Semicolons, for Excel in Europe", "semicolon"), ("Tabs", "tab")];
/// Parameters of a report that neither a file nor the values of a filter depend on.
const OF_PAGE: [&str; 6] = ["open", "chart", "chart_as", "scale", "both", "view"];
/// Parameters that the values of a filter do not depend on either.
const OF_ROWS: [&str; 10] = [
    "group_by",
    "metrics",
    "preset",
    "sort",
    "shape",
    "compare",
    "compare_from",
    "compare_to",
    "filter_by",
    "filter_was",
];

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
    /// The name of the separator, and the address.
    files: Vec<(&'static str, String)>,
}

/// The figures, unless there is a problem.
struct Report {
    /// The time of the figures, as "15:42:10".
    clock: String,
    table: TableView,
    chart: Option<ChartView>,
    missing_rates: Vec<MissingRate>,
    compared: Option<String>,
    /// The definitions of the columns: the name, the meaning and the formula.
    columns: Vec<(String, String, String)>,
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
    let suggestions = suggestions(&api, &address, &schema).await;
    let frame = Frame::new(api.caller(), Section::Reports);
    let (report, status, problems, shown) = match asked {
        Ok((report, answer)) => (Some(report), StatusCode::OK, Vec::new(), (answer.group_by, answer.metrics)),
        Err(error) => {
            let (status, problems) = problems(&error, &dates)?;
            (None, status, problems, asked_for(&address, &schema))
        }
    };
    let asked = Asked {
        address: &address,
        schema: &schema,
        groups: &shown.0,
        metrics: &shown.1,
        labels: &labels,
        suggestions: &suggestions,
        has_buyers: has_buyers(&api),
    };
    let page = ReportPage {
        frame,
        scope: traffic_of(api.caller().grant.scope),
        controls: Controls::new(&asked),
        files: files(&address),
        // The note of the comparison is above the figures.
        dates: DatesView { note: None, ..dates.view() },
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

/// The known groups and columns of an address that has no answer.
fn asked_for(address: &Address, schema: &Schema) -> (Vec<String>, Vec<String>) {
    let list = |name| address.get(name).unwrap_or_default().split(',').map(str::to_owned);
    let mut groups: Vec<String> =
        list("group_by").filter(|name| schema.dimension(name).is_some()).take(controls::MAX_GROUPS).collect();
    if groups.is_empty() {
        groups.push("day".to_owned());
    }
    (groups, list("metrics").filter(|name| schema.metric(name).is_some()).collect())
}

/// Whether the viewer sees the traffic of more than one buyer.
fn has_buyers(api: &Api) -> bool {
    api.caller().grant.scope != Scope::Own
}

fn files(address: &Address) -> Vec<(&'static str, String)> {
    let address = address.clone().without(&OF_PAGE);
    let file = |(name, word): (&'static str, &str)| {
        (name, format!("/reports/export.csv?{}", address.clone().with("separator", word).query()))
    };
    FILES.into_iter().map(file).collect()
}

/// The most frequent values of the filter that is being added, with their names. None if they
/// cannot be read: then people type the value.
async fn suggestions(api: &Api, address: &Address, schema: &Schema) -> Vec<(String, String)> {
    let dimension = address.get("filter_by").and_then(|name| schema.dimension(name));
    let Some(dimension) = dimension.filter(|dimension| dimension.values.is_none()) else { return Vec::new() };
    let address = address.clone().without(&OF_PAGE).without(&OF_ROWS).with("group_by", &dimension.name);
    let address = address.with("metrics", "prospects").with("sort", "-prospects").with("per_page", "100");
    let Ok(reply) = api.get(&format!("/api/reports/?{}", address.query())).await else { return Vec::new() };
    let Ok(answer) = serde_json::from_value::<Answer>(reply.body) else { return Vec::new() };
    let keys = answer.rows.into_iter().flat_map(|row| row.keys);
    keys.filter(|key| !key.value.is_empty()).map(|key| (key.label, key.value)).collect()
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
    let columns = answer.metrics.iter().filter_map(|name| schema.metric(name));
    let as_of_ms = DateTime::parse_from_rfc3339(&answer.as_of).map_or(0, |time| time.timestamp_millis());
    let report = Report {
        clock: dates.present.zone.format(as_of_ms, "%H:%M:%S"),
        table: table::table(address, &answer, schema, has_buyers(api)),
        chart,
        missing_rates: answer.missing_rates.clone(),
        compared: dates.comparison.as_ref().map(|other| {
            let note = other.note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
            format!("{}{note}", other.name)
        }),
        columns: columns
            .map(|metric| (metric.label.clone(), metric.meaning.clone(), metric.formula.clone()))
            .collect(),
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
