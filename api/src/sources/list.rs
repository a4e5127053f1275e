//! `GET /api/sources/list/`: traffic sources by name.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::sources::{self, SourceRow};
use crate::http::error::ApiError;
use crate::http::list_by_name::{NamedFilter, NamedQuery, name_cursor};
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::state::App;

/// Where visits are bought.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SourceResponse {
    pub id: i64,
    pub name: String,
    /// The parameter in which the network itself adds its click id to a landing page's address; empty when it does not.
    pub click_id_param: String,
    /// Our parameter → the network's macro.
    pub macros: BTreeMap<String, String>,
}

impl From<SourceRow> for SourceResponse {
    fn from(row: SourceRow) -> Self {
        Self { id: row.id, name: row.name, click_id_param: row.click_id_param, macros: row.macros.0 }
    }
}

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

/// The sources that the parameters ask for. They are everybody's to see.
///
/// # Errors
/// 400 for a parameter that cannot be meant.
pub async fn collect(app: &App, mut params: Params) -> Result<Page<SourceRow>, ApiError> {
    let filter = NamedFilter::read(&mut params);
    params.finish()?;
    let rows = sources::list(&app.postgres, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name_key, row.id)))
}
