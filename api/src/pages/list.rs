//! Lists: `/<things>/` and `/admin/<things>/`. The API makes the rows; a description of the entity
//! says how they are shown.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::query::{Params, with_param};
use crate::http::state::App;
use crate::pages::calls::rows;
use crate::pages::cell::Cell;
use crate::pages::entity::{Entity, Forms};
use crate::pages::form::{self, FieldView, Messages, Texts};
use crate::pages::names::Names;
use crate::pages::site::{Site, Tab};
use crate::pages::table::{Shown, Table, references};
use crate::policy::{Action, Resource, decide};
use crate::snippet::Snippet;

/// Choices of rows per page. The first is the default.
const PER_PAGE: [&str; 3] = ["25", "10", "100"];

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    list: ListState,
    filters: Vec<FieldView>,
    errors: Vec<String>,
    table: Table,
    may_create: bool,
    /// The code for landing pages, on an empty list of visits or orders.
    snippet: Option<Snippet>,
    tabs: Vec<Tab>,
}

/// The form above a list, and the links around it.
#[derive(Debug)]
pub struct ListState {
    pub q: String,
    pub from: String,
    pub to: String,
    pub sort: String,
    pub per_page: u32,
    pub next_href: Option<String>,
    /// Link to the first page, unless this is the first page.
    pub first_href: Option<String>,
    pub csv_href: String,
    /// Whether a filter is set. An empty list then says "Nothing matches".
    pub is_filtered: bool,
}

impl ListState {
    fn read(params: &mut Params, query: Option<&str>, entity: &Entity) -> Self {
        let text = |params: &Params, name: &str| params.text(name).unwrap_or_default().to_owned();
        let filters = entity.filters.iter().map(|filter| filter.name).chain(["q", "from", "to"]);
        let first_page = with_param(query, "cursor", None);
        Self {
            per_page: params.choice("per_page", &PER_PAGE).parse().unwrap_or(25),
            q: text(params, "q"),
            from: text(params, "from"),
            to: text(params, "to"),
            sort: text(params, "sort"),
            next_href: None,
            first_href: params.text("cursor").map(|_| format!("?{first_page}")),
            csv_href: format!("export.csv?{first_page}"),
            is_filtered: filters.into_iter().any(|name| params.text(name).is_some()),
        }
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
    let mut list = ListState::read(&mut params, listing.query(), entity);
    let asked = match params.finish() {
        Ok(()) => rows(&api, entity, listing.query(), list.per_page).await,
        Err(error) => Err(error),
    };
    let (items, messages) = match asked {
        Ok((items, next)) => {
            list.next_href =
                next.map(|next| format!("?{}", with_param(listing.query(), "cursor", Some(&next))));
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
        errors: messages.iter().map(|(name, texts)| format!("{name}: {}", texts.join(" "))).collect(),
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
