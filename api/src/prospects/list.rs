//! `GET /api/prospects/list/`: the visits that the viewer may see, newest first.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::db::event_filter::EventFilter;
use crate::db::prospects::{self, ProspectRow, VisitRow, shown_ip};
use crate::db::scope::EventScope;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, event_cursor};
use crate::state::App;

/// One visit to a landing page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProspectResponse {
    /// A UUIDv7.
    pub id: Uuid,
    pub ip_address: String,
    pub user_agent: String,
    pub referral_source: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Whose campaign brought it; null when nobody's did.
    pub user_id: Option<u64>,
}

impl From<VisitRow> for ProspectResponse {
    fn from(row: VisitRow) -> Self {
        Self {
            id: row.prospect_id,
            ip_address: json_values::ip(row.ip),
            user_agent: row.user_agent,
            referral_source: row.referrer,
            created_at: json_values::time(row.time_ms),
            user_id: json_values::id(row.user_id),
        }
    }
}

/// What the lists of events understand.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListEventsQuery {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
    /// `-time` (newest first) or `time`.
    sort: Option<String>,
    /// An id, or a text to search for.
    q: Option<String>,
    /// RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// RFC 3339, or a date in `tz` that is included whole.
    to: Option<String>,
    /// The name of a time zone; the viewer's unless given.
    tz: Option<String>,
    /// Only this buyer's.
    user_id: Option<i64>,
    /// Only what this team's buyers brought while they were in it.
    team_id: Option<i64>,
    campaign_id: Option<i64>,
    /// The prospect's country, ISO 3166: `UA`.
    country: Option<String>,
    /// Whether the prospect is held for a bot.
    bot: Option<bool>,
}

/// List prospects
#[utoipa::path(
    get, path = "/api/prospects/list/", tag = "prospects", params(ListEventsQuery),
    responses((status = 200, description = "Prospects, newest first", body = Vec<ProspectResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_prospects(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(|row| ProspectResponse::from(VisitRow::from(row)))))
}

/// The prospects that the parameters ask for, within the viewer's scope.
///
/// # Errors
/// 400 for a parameter that cannot be meant.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<ProspectRow>, ApiError> {
    let filter = read_filter(&mut params, allowed, limit);
    params.finish()?;
    may_search(&filter, allowed)?;
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let shown = |row: ProspectRow| ProspectRow { ip: shown_ip(row.ip, allowed.grant), ..row };
    if let Ok(id) = filter.q.parse::<Uuid>() {
        let found = prospects::find(&app.clickhouse, &scope, id).await?;
        let items = found.into_iter().map(ProspectRow::from).map(shown);
        return Ok(Page { items: items.collect(), next: None });
    }
    let filter = EventFilter { scope, ..filter };
    let rows = prospects::list(&app.clickhouse, &filter, app.clock.now_ms()).await?;
    Ok(Page::of(rows, limit, |row| event_cursor(row.time_ms, row.prospect_id)).map(shown))
}

/// Who may not see customers' data may not look for it either: a search would tell.
///
/// # Errors
/// 403.
pub fn may_search(filter: &EventFilter, allowed: &Allowed) -> Result<(), ApiError> {
    if filter.q.is_empty() || allowed.grant.customer_data { Ok(()) } else { Err(ApiError::forbidden()) }
}

/// The filter of a list of events, but for its scope.
pub fn read_filter(params: &mut Params, allowed: &Allowed, limit: u32) -> EventFilter {
    let range = params.time_range(allowed.viewer.time_zone);
    EventFilter {
        scope: EventScope::default(),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        user_id: params.user_id(),
        team_id: params.id("team_id").map_or(0, i64::unsigned_abs),
        campaign_id: params.id("campaign_id").map_or(0, i64::unsigned_abs),
        country: params.country(),
        is_bot: match params.choice("bot", &["", "true", "1", "false", "0"]) {
            "" => None,
            word => Some(matches!(word, "true" | "1")),
        },
        q: params.q(),
        status: String::new(),
        is_ascending: params.is_ascending("time", false),
        after: params.event_cursor(),
        limit: limit + 1,
    }
}
