//! `GET /api/partners/list/`: lists partners by name. Everybody may see all of them.

use axum::extract::State;
use axum::response::Response;

use crate::db::partners::{self, PartnerRow};
use crate::http::error::ApiError;
use crate::http::list_by_name::{NamedQuery, name_cursor, read_name_filter};
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::state::App;
use crate::partners::model::PartnerResponse;

/// List partners
#[utoipa::path(
    get, path = "/api/partners/list/", tag = "partners", params(NamedQuery),
    responses((status = 200, description = "Partners by name", body = Vec<PartnerResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_partners(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let page = collect(&app, listing.params()).await?;
    Ok(listing.answer(&page.map(PartnerResponse::from)))
}

/// Returns the partners that match the parameters.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(app: &App, mut params: Params) -> Result<Page<PartnerRow>, ApiError> {
    let filter = read_name_filter(&mut params);
    params.finish()?;
    let rows = partners::list(&app.postgres, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name_key, row.id)))
}
