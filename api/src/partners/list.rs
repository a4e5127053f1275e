//! `GET /api/partners/list/`: partners by name.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db::partners::{self, PartnerRow};
use crate::http::error::ApiError;
use crate::http::list_by_name::{NamedFilter, NamedQuery, name_cursor};
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::state::App;

/// Who accepts orders and pays.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PartnerResponse {
    pub id: i64,
    pub name: String,
    /// The currency of payouts that name none (ISO 4217).
    pub currency: String,
    /// The partner's word, in lower case → `hold`, `sale`, `rejected`, `trash`, `chargeback` or `rebill`. The common words
    /// are known without it.
    pub status_map: BTreeMap<String, String>,
}

impl From<PartnerRow> for PartnerResponse {
    fn from(row: PartnerRow) -> Self {
        Self { id: row.id, name: row.name, currency: row.currency, status_map: row.status_map.0 }
    }
}

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

/// The partners that the parameters ask for. They are everybody's to see.
///
/// # Errors
/// 400 for a parameter that cannot be meant.
pub async fn collect(app: &App, mut params: Params) -> Result<Page<PartnerRow>, ApiError> {
    let filter = NamedFilter::read(&mut params);
    params.finish()?;
    let rows = partners::list(&app.postgres, &filter).await?;
    Ok(Page::of(rows, filter.limit, |row| name_cursor(&row.name_key, row.id)))
}
