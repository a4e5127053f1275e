//! `GET /api/sources/list/`: lists traffic sources by name. Everybody may see all of them.

use axum::extract::State;
use axum::response::Response;

use crate::db::sources::{self, SourceRow};
use crate::http::error::ApiError;
use crate::http::list_by_name::{NamedQuery, name_cursor, read_name_filter};
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::state::App;
use crate::sources::model::SourceResponse;

/// List traffic sources
#[utoipa::path(
    get, path = "/api/sources/list/", tag = "sources", params(NamedQuery),
    responses((status = 200, description = "Sources by name", body = Vec<SourceResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_sources(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let page = collect(&app, listing.params()).await?;
    Ok(listing.answer(&page.map(SourceResponse::from)))
}

/// Returns the sources that match the parameters.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(app: &App, mut params: Params) -> Result<Page<SourceRow>, ApiError> {
    let filter = read_name_filter(&mut params);
    params.finish()?;
    let rows = sources::list(&app.postgres, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name_key, row.id)))
}
