//! Lists: `/<things>/` and `/admin/<things>/`. The API makes the rows; a description of the entity
//! says how they are shown.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::pages::calls::rows;
use crate::pages::cell::Cell;
use crate::pages::entity::{Entity, Forms, Input};
use crate::pages::form::{self, FieldView, Messages, Texts};
use crate::pages::listing::ListView;
use crate::pages::names::Names;
use crate::pages::site::{Site, Tab};
use crate::pages::table::{Shown, Table, references};
use crate::policy::{Action, Resource, decide};
use crate::snippet::Snippet;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    list: ListView,
    filters: Vec<FieldView>,
    errors: Vec<String>,
    table: Table,
    may_create: bool,
    /// The code for landing pages, on an empty list of visits or orders.
    snippet: Option<Snippet>,
    tabs: Vec<Tab>,
}

/// Returns the label of a parameter.
fn label_of<'a>(name: &'a str, filters: &[&'static Input]) -> &'a str {
    if let Some(filter) = filters.iter().find(|filter| filter.name == name) {
        return filter.label;
    }
    match name {
        "per_page" => "Rows per page",
        "sort" => "Order",
        "from" => "From",
        "to" => "To",
        "q" => "Search",
        name => name,
    }
}

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
    let (zone, position) = (viewer.time_zone, viewer.position);
    let mut params = listing.params();
    let filtered = entity.filters.iter().map(|filter| filter.name);
    let mut list = ListView::read(&mut params, listing.query(), filtered);
    let asked = match params.finish() {
        Ok(()) => rows(&api, entity, listing.query(), list.per_page).await,
        Err(error) => Err(error),
    };
    let (items, messages) = match asked {
        Ok((items, next)) => {
            list = list.followed_by(listing.query(), next.as_deref());
            (items, Messages::new())
        }
        Err(error) => (Vec::new(), error.messages().cloned().ok_or(error)?),
    };
    let names = Names::load(&app, references(entity.columns.iter(), &items)).await?;
    let filters = form::inputs(entity.filters, Forms::Both, position);
    let params = listing.params();
    let texts: Texts = filters
        .iter()
        .map(|filter| (filter.name, params.text(filter.name).map(str::to_owned).into_iter().collect()))
        .collect();
    let shown = Shown { entity, base: site.base(), zone, names: &names };
    let mut table = shown.table(&items, listing.query());
    table.is_selectable = site == Site::Admin && entity.is_deleted;
    let page = ListPage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        entity,
        site,
        filters: form::fields(&api, &filters, &texts, &messages, &Default::default()).await?,
        errors: messages
            .iter()
            .map(|(name, texts)| format!("{}: {}", label_of(name, &filters), texts.join(" ")))
            .collect(),
        table,
        list,
        snippet: matches!(entity.resource, Resource::Prospects | Resource::Orders)
            .then(|| Snippet::new(&app.config.edge, viewer.id)),
        may_create: entity.is_created && decide(position, Action::Create, entity.resource).is_some(),
        tabs: site.tabs(entity, position),
    };
    let mut response = render(&page)?;
    if !messages.is_empty() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}
