//! Lists: `/<things>/` and `/admin/<things>/`. The API makes the rows; a description of the entity
//! says how they are shown.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::dates::control::DatesView;
use crate::dates::range::Present;
use crate::http::in_process::Api;
use crate::http::json_values;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::query::{Params, with_param};
use crate::http::state::App;
use crate::pages::calls::rows;
use crate::pages::cell::Cell;
use crate::pages::entity::{Dated, Entity, Forms, Input, Widget};
use crate::pages::form::{self, FieldView, Messages, Texts};
use crate::pages::listing::{Asked, ListView, label_of};
use crate::pages::names::Names;
use crate::pages::site::{Site, Tab};
use crate::pages::table::{Restore, Shown, Table, references};
use crate::policy::{Action, Position, Resource, decide};
use crate::snippet::Snippet;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    list: ListView,
    dates: Option<DatesView>,
    filters: Vec<FieldView>,
    /// Messages, with the id of the place where each is repeated.
    problems: Vec<(Option<String>, String)>,
    table: Table,
    may_create: bool,
    /// The query of the API that finds the listed things, for actions on all of them.
    matching: String,
    /// The code for landing pages, on an empty list of visits or orders.
    snippet: Option<Snippet>,
    tabs: Vec<Tab>,
}

/// For viewers who may restore deleted things.
static ARCHIVED: Input = Input::filter("archived", "Deleted ones", Widget::Check);

/// Shows a list.
///
/// # Errors
/// 503 when a database is down. A wrong parameter is a 400 with the page and without rows.
pub async fn show(
    entity: &'static Entity,
    site: Site,
    State(app): State<App>,
    api: Api,
    listing: Listing,
) -> Result<Response, PageError> {
    let viewer = &api.caller().viewer;
    let position = viewer.position;
    let mut params = listing.params();
    let filters = filters(entity, position);
    let mut list = ListView::read(&mut params, listing.query(), filters.iter().map(|filter| filter.name));
    let is_archived = entity.is_restored && params.text("archived") == Some("true");
    let texts = texts(&filters, &params);
    let present = Present::of(viewer, app.clock.now_ms());
    let Asked { dates, api_query } = Asked::read(entity, &mut params, listing.query(), present);
    let asked = match params.finish() {
        Ok(()) => rows(&api, entity, Some(&api_query), list.per_page).await,
        Err(error) => Err(error),
    };
    let (items, messages) = match asked {
        Ok((items, next)) => {
            list = list.followed_by(listing.query(), next.as_deref());
            (items, Messages::new())
        }
        Err(error) => (Vec::new(), error.messages().cloned().ok_or(error)?),
    };
    let mut zone = viewer.time_zone;
    if let Some(dates) = &dates {
        list = list.limited_to(dates);
        zone = dates.present.zone;
    }
    let dates = dates.map(|dates| dates.view());
    let names = Names::load(&app, references(entity.columns.iter(), &items)).await?;
    let shown = Shown { entity, base: site.base(), zone, names: &names, is_archived };
    let mut table = shown.table(&items, listing.query());
    table.is_selectable = site == Site::Admin && entity.is_deleted;
    table.restore = is_archived.then(|| Restore { list: site.list(entity), csrf: Frame::csrf(api.caller()) });
    let filters = form::fields(&api, &filters, &texts, &messages, &Default::default()).await?;
    let page = ListPage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        entity,
        site,
        problems: problems(&messages, &filters, dates.as_ref()),
        filters,
        dates,
        table,
        list,
        snippet: matches!(entity.resource, Resource::Prospects | Resource::Orders)
            .then(|| Snippet::new(&app.config.edge, viewer.id)),
        may_create: entity.is_created && decide(position, Action::Create, entity.resource).is_some(),
        matching: matching(entity, &api_query, present.now_ms),
        tabs: site.tabs(entity, position),
    };
    let mut response = render(&page)?;
    if !messages.is_empty() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

/// Returns the filters that somebody in this position has.
fn filters(entity: &'static Entity, position: Position) -> Vec<&'static Input> {
    let mut filters = form::inputs(entity.filters, Forms::Both, position);
    if entity.is_restored && decide(position, Action::Delete, entity.resource).is_some() {
        filters.push(&ARCHIVED);
    }
    filters
}

fn texts(filters: &[&'static Input], params: &Params) -> Texts {
    let text = |filter: &&'static Input| params.text(filter.name).map(str::to_owned);
    filters.iter().map(|filter| (filter.name, text(filter).into_iter().collect())).collect()
}

/// Returns the query that finds the listed things. Things that arrive later do not match it.
fn matching(entity: &Entity, api_query: &str, now_ms: i64) -> String {
    let mut query = ["cursor", "per_page"]
        .into_iter()
        .fold(api_query.to_owned(), |query, name| with_param(Some(&query), name, None));
    if entity.dated == Dated::ByTime && Params::parse(Some(&query)).text("to").is_none() {
        query = with_param(Some(&query), "to", Some(&json_values::time(now_ms)));
    }
    query
}

/// Returns the messages, each with the id of its field.
fn problems(
    messages: &Messages,
    filters: &[FieldView],
    dates: Option<&DatesView>,
) -> Vec<(Option<String>, String)> {
    let id = |name: &str| {
        let is_filter = filters.iter().any(|filter| filter.name == name);
        if is_filter { Some(format!("filter-{name}")) } else { dates?.id_of(name) }
    };
    let label = |name: &str| {
        let filter = filters.iter().find(|filter| filter.name == name);
        filter.map_or_else(|| label_of(name), |filter| filter.label).to_owned()
    };
    messages.iter().map(|(name, texts)| (id(name), format!("{}: {}", label(name), texts.join(" ")))).collect()
}
