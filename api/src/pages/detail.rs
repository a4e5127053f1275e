//! The page of one thing: `/<things>/<id>/`. Its facts, what can be done with it, lists of what
//! belongs to it, and its history.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::http::in_process::Api;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::path_id::PathText;
use crate::http::query::with_param;
use crate::http::state::App;
use crate::pages::calls::{escaped, find, messages, rows};
use crate::pages::cell::Cell;
use crate::pages::entity::{Column, Entity, Forms, HISTORY, Panel, Verb};
use crate::pages::form::{self, FieldView, Texts};
use crate::pages::names::Names;
use crate::pages::reports::head::{self, HeadView};
use crate::pages::setup::{self, Setup};
use crate::pages::site::Site;
use crate::pages::table::{Shown, Table, references, title_of};
use crate::policy::{Action, Resource, decide};

/// The rows of a list on the page of a thing.
const PANEL_ROWS: u32 = 10;

#[derive(Template)]
#[template(path = "detail.html")]
struct DetailPage {
    frame: Frame,
    entity: &'static Entity,
    site: Site,
    parts: Parts,
    /// Figures of the last days, of things that events belong to.
    head: Option<HeadView>,
    setup: Option<Setup>,
}

/// The parts that the pages of all things have.
#[derive(Debug)]
pub struct Parts {
    title: String,
    facts: Vec<(&'static str, Cell)>,
    image: Option<String>,
    actions: Actions,
    panels: Vec<PanelView>,
}

/// The actions that the viewer may take on a thing.
#[derive(Debug)]
pub struct Actions {
    /// The path of the thing, to which the forms are sent.
    pub path: String,
    pub csrf: String,
    pub may_update: bool,
    pub may_delete: bool,
    pub verbs: Vec<VerbView>,
}

/// Something to do, with its form.
#[derive(Debug)]
pub struct VerbView {
    pub verb: &'static Verb,
    pub fields: Vec<FieldView>,
    pub errors: Vec<String>,
}

/// A list on the page of a thing.
#[derive(Debug)]
pub struct PanelView {
    pub title: &'static str,
    pub table: Table,
    pub empty: &'static str,
    pub all_href: String,
    /// The form of a list that is searched and sorted in place.
    pub q: Option<String>,
    pub sort: String,
    pub next_href: Option<String>,
    pub first_href: Option<String>,
}

/// The form of a verb that was refused, and the error.
#[derive(Debug)]
pub struct Failed {
    pub verb: &'static str,
    pub texts: Texts,
    pub error: ApiError,
}

/// Shows a thing.
///
/// # Errors
/// 404 for a thing that does not exist or is out of scope.
pub async fn show(
    entity: &'static Entity,
    site: Site,
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    api: Api,
    listing: Listing,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    let thing = find(&api, entity, &id).await?;
    page(&app, &api, &At { entity, site, id: &id, query: listing.query() }, &thing.body, None).await
}

/// The thing that is shown, and its site.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    pub entity: &'static Entity,
    pub site: Site,
    pub id: &'a str,
    pub query: Option<&'a str>,
}

/// Renders the page of a thing; after a verb that failed, with its form and 400.
pub async fn page(
    app: &App,
    api: &Api,
    at: &At<'_>,
    thing: &Value,
    failed: Option<Failed>,
) -> Result<Response, PageError> {
    let At { entity, site, id, query } = *at;
    let viewer = &api.caller().viewer;
    let shown_columns = entity.columns.iter().chain(entity.facts);
    let names = Names::load(app, references(shown_columns.clone(), std::slice::from_ref(thing))).await?;
    let shown =
        Shown { entity, base: site.base(), zone: viewer.time_zone, names: &names, is_archived: false };
    let fact = |column: &'static Column| (column.label, shown.fact(column, thing));
    let status = failed.as_ref().map(|failed| failed.error.status());
    let page = DetailPage {
        frame: Frame::new(api.caller(), Section::of(entity.resource, site == Site::Admin)),
        entity,
        site,
        parts: Parts {
            title: title_of(entity, thing),
            facts: shown_columns.map(fact).filter(|(_, cell)| !matches!(cell, Cell::None)).collect(),
            image: thing.get("image").and_then(Value::as_str).map(|_| format!("/users/{id}/image/")),
            actions: actions(api, at, thing, failed).await?,
            panels: panels(app, api, at, query).await?,
        },
        head: head::load(api, entity, id).await,
        setup: if entity.resource == Resource::Campaigns {
            Some(setup::load(api, id, thing).await?)
        } else {
            None
        },
    };
    let mut response = render(&page)?;
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    Ok(response)
}

/// Returns what the viewer can do with a thing.
///
/// # Errors
/// When the API fails.
pub async fn actions(
    api: &Api,
    at: &At<'_>,
    thing: &Value,
    mut failed: Option<Failed>,
) -> Result<Actions, ApiError> {
    let position = api.caller().viewer.position;
    let may = |action, resource| decide(position, action, resource).is_some();
    let mut verbs = Vec::new();
    for verb in at.entity.verbs {
        if !may(verb.action, verb.resource) || !(verb.is_shown)(thing) {
            continue;
        }
        let failed = failed.take_if(|failed| failed.verb == verb.name);
        let inputs = form::inputs(verb.inputs, Forms::Both, position);
        let texts =
            failed.as_ref().map_or_else(|| form::texts_of(&inputs, thing), |failed| failed.texts.clone());
        let messages = failed.as_ref().map(|failed| messages(&failed.error)).unwrap_or_default();
        let fields = form::fields(api, &inputs, &texts, &messages, &Default::default()).await?;
        let is_about_field = |name: &String| inputs.iter().any(|input| input.name == name);
        let errors =
            messages.iter().filter(|(name, _)| !is_about_field(name)).flat_map(|(_, texts)| texts.clone());
        verbs.push(VerbView { verb, errors: errors.collect(), fields });
    }
    Ok(Actions {
        path: at.site.thing(at.entity, at.id),
        csrf: Frame::csrf(api.caller()),
        may_update: at.entity.is_updated && may(Action::Update, at.entity.resource),
        may_delete: at.entity.is_deleted && may(Action::Delete, at.entity.resource),
        verbs,
    })
}

async fn panels(app: &App, api: &Api, at: &At<'_>, query: Option<&str>) -> Result<Vec<PanelView>, PageError> {
    let viewer = &api.caller().viewer;
    let mut views = Vec::new();
    for panel in at.entity.panels {
        if decide(viewer.position, Action::List, panel.entity.resource).is_some() {
            views.push(panel_view(app, api, at, panel, query).await?);
        }
    }
    if decide(viewer.position, Action::List, Resource::Audit).is_some() {
        views.push(history(app, api, at).await?);
    }
    Ok(views)
}

async fn panel_view(
    app: &App,
    api: &Api,
    at: &At<'_>,
    panel: &Panel,
    query: Option<&str>,
) -> Result<PanelView, PageError> {
    let query = if panel.is_main { query } else { None };
    let filter = format!("{}={}", panel.filter, escaped(at.id));
    let asked = with_param(query, panel.filter, Some(&escaped(at.id)));
    let (items, next) = rows(api, panel.entity, Some(&asked), PANEL_ROWS).await?;
    let params = crate::http::query::Params::parse(query);
    let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
    let mut table = table(app, api, at.site, panel.entity, &items, query, panel.is_main).await?;
    panel.title.clone_into(&mut table.caption);
    Ok(PanelView {
        title: panel.title,
        table,
        empty: panel.entity.empty,
        all_href: format!("{}?{filter}", at.site.list(panel.entity)),
        q: (panel.is_main && panel.entity.is_searched).then(|| text("q")),
        sort: text("sort"),
        next_href: next
            .filter(|_| panel.is_main)
            .map(|next| format!("?{}", with_param(query, "cursor", Some(&next)))),
        first_href: params.text("cursor").map(|_| format!("?{}", with_param(query, "cursor", None))),
    })
}

async fn history(app: &App, api: &Api, at: &At<'_>) -> Result<PanelView, PageError> {
    let filter = format!(
        "resource={}&resource_id={}",
        at.entity.resource.as_str().replace('/', "%2F"),
        escaped(at.id)
    );
    let (items, _) = rows(api, &HISTORY, Some(&filter), PANEL_ROWS).await?;
    Ok(PanelView {
        title: "History",
        table: table(app, api, at.site, &HISTORY, &items, None, false).await?,
        empty: "No changes yet.",
        all_href: format!("/admin/audit/?{filter}"),
        q: None,
        sort: String::new(),
        next_href: None,
        first_href: None,
    })
}

async fn table(
    app: &App,
    api: &Api,
    site: Site,
    entity: &'static Entity,
    items: &[Value],
    query: Option<&str>,
    is_sorted: bool,
) -> Result<Table, ApiError> {
    let names = Names::load(app, references(entity.columns.iter(), items)).await?;
    let shown = Shown {
        entity,
        base: site.base(),
        zone: api.caller().viewer.time_zone,
        names: &names,
        is_archived: false,
    };
    let mut table = shown.table(items, query);
    if !is_sorted {
        table.heads.iter_mut().for_each(|head| head.href = None);
    }
    Ok(table)
}
