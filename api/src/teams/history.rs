//! `GET /api/teams/<id>/history/`: lists the memberships of a team with their times.

use axum::extract::State;
use axum::response::Response;

use crate::db::teams;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::{DetailErrors, FieldErrorsResponse};
use crate::http::paging::{Listing, Page};
use crate::http::path_id::PathId;
use crate::http::query::text_cursor;
use crate::http::state::App;
use crate::http::typed_query::{IdCursor, IdPageQuery, Limit};
use crate::teams::detail;
use crate::teams::model::MembershipResponse;

/// List the memberships of a team
///
/// Past and present memberships, the latest first.
#[utoipa::path(
    get, path = "/api/teams/{id}/history/", tag = "teams", params(("id" = i64, Path), IdPageQuery),
    responses(
        (status = 200, description = "Memberships, latest first", body = Vec<MembershipResponse>),
        (status = 400, description = "A parameter is invalid", body = FieldErrorsResponse),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn list_team_history(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
    listing: Listing,
) -> Result<Response, ApiError> {
    let team = detail::find(&app, &allowed, id).await?;
    let mut params = listing.params();
    let IdPageQuery { limit: Limit(limit), cursor: IdCursor(before) } = IdPageQuery::read(&mut params);
    params.finish()?;
    let rows = teams::history(&app.postgres, team.id, before, i64::from(limit) + 1).await?;
    let page = Page::of(rows, limit, |row| text_cursor(&row.id.to_string()));
    Ok(listing.answer(&page.map(MembershipResponse::from)))
}
