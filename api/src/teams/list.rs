//! `GET /api/teams/list/`: the teams that the viewer may see, by name.

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
/// By name. A Buyer or Team Lead sees the own team only. Teams that are gone are not listed.
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

/// The teams that the parameters ask for, within the viewer's scope.
///
/// # Errors
/// 400 for a parameter that cannot be meant.
pub async fn collect(app: &App, allowed: &Allowed, mut params: Params) -> Result<Page<TeamRow>, ApiError> {
    let filter = read_name_filter(&mut params);
    params.finish()?;
    let own = allowed.viewer.team.as_ref().map(|(id, _)| *id);
    let rows = teams::list(&app.postgres, allowed.grant.scope == Scope::All, own, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name, row.id)))
}
