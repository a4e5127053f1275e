//! `GET /api/teams/list/`: lists the teams within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;

use crate::db::teams::{self, SORTING, TeamFilter, TeamRow};
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::policy::{Resource, Scope};
use crate::teams::model::TeamResponse;

page_query! {
    /// The order and the page.
    pub struct TeamPageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListTeamsQuery {
        /// Part of the name.
        pub q: Search,
        /// Only the team that this user leads.
        pub lead: Option<i64>,
        /// Only the team in which this user is now.
        pub member: Option<i64>,
    }
}

/// List teams
///
/// Buyers and Team Leads see only their own team. `sort=team_lead` sorts by the name of the lead,
/// `sort=members` by the number of members.
#[utoipa::path(
    get, path = "/api/teams/list/", tag = "teams", params(TeamPageQuery, ListTeamsQuery, ArchivedQuery),
    responses((status = 200, description = "Teams by name", body = Vec<TeamResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_teams(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(TeamResponse::from)))
}

/// Returns the teams that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter, 403 for deleted teams that the viewer may not see.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<TeamRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::Teams)?;
    let order = params.order(&SORTING, limit);
    let query = ListTeamsQuery::read(&mut params);
    let own = allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id);
    let filter = TeamFilter {
        own: (part.scope != Scope::All).then_some(own),
        q: query.q.patterns(),
        lead: query.lead,
        member: query.member,
        is_archived: part.is_archived,
    };
    params.finish()?;
    let rows = teams::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
