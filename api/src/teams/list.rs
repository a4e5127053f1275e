//! `GET /api/teams/list/`: lists the teams within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;

use crate::db::teams::{self, TeamRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::list_by_name::{NamedQuery, name_cursor, read_name_filter};
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::state::App;
use crate::policy::Scope;
use crate::teams::model::TeamResponse;

/// List teams
///
/// Ordered by name. Buyers and Team Leads see only their own team. Deleted teams are not listed.
#[utoipa::path(
    get, path = "/api/teams/list/", tag = "teams", params(NamedQuery),
    responses((status = 200, description = "Teams by name", body = Vec<TeamResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_teams(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let page = collect(&app, &allowed, listing.params()).await?;
    Ok(listing.answer(&page.map(TeamResponse::from)))
}

/// Returns the teams that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(app: &App, allowed: &Allowed, mut params: Params) -> Result<Page<TeamRow>, ApiError> {
    let filter = read_name_filter(&mut params);
    params.finish()?;
    let own = allowed.viewer.team.as_ref().map(|(id, _)| *id);
    let rows = teams::list(&app.postgres, allowed.grant.scope == Scope::All, own, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name, row.id)))
}
