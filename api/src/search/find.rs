//! `GET /api/search/`: finds things by a part of their name, and events by their ids, by the click
//! id or address of a visit, and by the contact of an order.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use crate::db::{search_text, tracking_keys};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::Listing;
use crate::http::query::Params;
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::policy::{self, Action, Resource};
use crate::search::model::SearchHitResponse;
use crate::{campaigns, funds, orders, partners, prospects, sources, teams, users};

/// The most things of one kind.
const MAX_OF_A_KIND: u32 = 5;
/// An order is searched by a part of its contact of at least this many characters.
const MIN_CONTACT_CHARS: usize = 3;
/// A visit is searched by a click id of at least this many characters.
const MIN_CLICK_ID_CHARS: usize = 8;

query! {
    /// The parameters of a search.
    pub struct SearchQuery {
        /// A part of a name, an id, a tracking key, a click id, the address of a visit, or the
        /// name, e-mail or phone number of an order. The words of a name can have any order, and a
        /// phone number any signs between its digits.
        pub q: Search,
    }
}

/// Search
///
/// Finds things within the viewer's scope, at most five of each kind. An exact id or tracking key
/// comes first.
#[utoipa::path(
    get, path = "/api/search/", tag = "search", params(SearchQuery),
    responses((status = 200, description = "What was found", body = Vec<SearchHitResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn search(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Json<Vec<SearchHitResponse>>, ApiError> {
    let mut params = listing.params();
    let SearchQuery { q: Search(q) } = SearchQuery::read(&mut params);
    params.finish()?;
    Ok(Json(find(&app, &allowed, &q).await?))
}

/// Finds the things that a text names, within the viewer's scope.
pub async fn find(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    if q.is_empty() {
        return Ok(Vec::new());
    }
    let (people, teams, campaigns, bought, funds, events) = futures::try_join!(
        people(app, allowed, q),
        teams_of(app, allowed, q),
        campaigns_of(app, allowed, q),
        bought(app, allowed, q),
        accounts(app, allowed, q),
        events(app, allowed, q),
    )?;
    let mut hits: Vec<SearchHitResponse> =
        [events, campaigns, people, teams, bought, funds].into_iter().flatten().collect();
    hits.sort_by_key(|hit| !hit.is_exact);
    Ok(hits)
}

/// Returns the caller with their permission to list a resource; `None` if they have none.
fn listing(allowed: &Allowed, resource: Resource) -> Option<Allowed> {
    let grant = policy::decide(allowed.viewer.position, Action::List, resource)?;
    Some(Allowed { grant, ..allowed.clone() })
}

fn params(q: &str) -> Params {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", q);
    Params::parse(Some(&query.finish()))
}

fn hit(kind: &'static str, folder: &str, id: impl ToString, name: String) -> SearchHitResponse {
    let id = id.to_string();
    SearchHitResponse { kind, path: format!("/{folder}/{id}/"), name, id, is_exact: false }
}

fn exact(found: SearchHitResponse) -> SearchHitResponse {
    SearchHitResponse { is_exact: true, ..found }
}

async fn people(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let Some(allowed) = listing(allowed, Resource::Users) else { return Ok(Vec::new()) };
    let page = users::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
    Ok(page.items.into_iter().map(|row| hit("user", "users", row.id, row.username)).collect())
}

async fn teams_of(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let Some(allowed) = listing(allowed, Resource::Teams) else { return Ok(Vec::new()) };
    let page = teams::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
    Ok(page.items.into_iter().map(|row| hit("team", "teams", row.id, row.name)).collect())
}

async fn campaigns_of(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let Some(allowed) = listing(allowed, Resource::Campaigns) else { return Ok(Vec::new()) };
    let mut hits = Vec::new();
    if let Some(id) = tracking_keys::campaign_of(&app.postgres, q).await? {
        match campaigns::detail::find(app, &allowed, id).await {
            Ok(row) => hits.push(exact(hit("campaign", "campaigns", row.id, row.name))),
            Err(error) if error.status().is_client_error() => {}
            Err(error) => return Err(error),
        }
    }
    let page = campaigns::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
    hits.extend(page.items.into_iter().map(|row| hit("campaign", "campaigns", row.id, row.name)));
    Ok(hits)
}

async fn bought(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let mut hits = Vec::new();
    if let Some(allowed) = listing(allowed, Resource::Sources) {
        let page = sources::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
        hits.extend(page.items.into_iter().map(|row| hit("source", "sources", row.id, row.name)));
    }
    if let Some(allowed) = listing(allowed, Resource::Partners) {
        let page = partners::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
        hits.extend(page.items.into_iter().map(|row| hit("partner", "partners", row.id, row.name)));
    }
    Ok(hits)
}

async fn accounts(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let Some(allowed) = listing(allowed, Resource::FundAccounts) else { return Ok(Vec::new()) };
    let page = funds::accounts::list::collect(app, &allowed, params(q), MAX_OF_A_KIND).await?;
    Ok(page.items.into_iter().map(|row| hit("ad account", "funds/accounts", row.id, row.name)).collect())
}

async fn events(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let mut hits = Vec::new();
    if let Some(allowed) = listing(allowed, Resource::Orders) {
        hits.extend(orders_of(app, &allowed, q).await?);
    }
    if let Some(allowed) = listing(allowed, Resource::Prospects) {
        hits.extend(prospects_of(app, &allowed, q).await?);
    }
    Ok(hits)
}

async fn orders_of(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    if q.parse::<Uuid>().is_ok() {
        return match orders::detail::find(app, allowed, q).await {
            Ok(order) => Ok(vec![exact(hit("order", "orders", order.id, order.id.to_string()))]),
            Err(error) if error.status().is_client_error() => Ok(Vec::new()),
            Err(error) => Err(error),
        };
    }
    if q.chars().count() < MIN_CONTACT_CHARS {
        return Ok(Vec::new());
    }
    let page = orders::list::collect(app, allowed, params(q), MAX_OF_A_KIND).await?;
    let name = |order: &orders::assemble::Order| {
        let contact = &order.contact;
        format!("{} {}, {}", contact.first_name, contact.last_name, contact.phone_number)
    };
    Ok(page.items.iter().map(|order| hit("order", "orders", order.id, name(order))).collect())
}

async fn prospects_of(app: &App, allowed: &Allowed, q: &str) -> Result<Vec<SearchHitResponse>, ApiError> {
    let id = q.parse::<Uuid>().ok();
    let is_click_id = q.chars().count() >= MIN_CLICK_ID_CHARS
        && !q.contains([' ', '@'])
        && q.bytes().any(|byte| byte.is_ascii_digit());
    if !is_click_id && search_text::address(q).is_none() {
        return Ok(Vec::new());
    }
    let page = prospects::list::collect(app, allowed, params(q), MAX_OF_A_KIND).await?;
    let found = page.items.iter().map(|row| {
        let found = hit("prospect", "prospects", row.prospect_id, row.prospect_id.to_string());
        if id == Some(row.prospect_id) { exact(found) } else { found }
    });
    Ok(found.collect())
}
