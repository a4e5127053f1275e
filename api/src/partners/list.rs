//! `GET /api/partners/list/`: lists partners. Everybody may see all of them.

use axum::extract::State;
use axum::response::Response;

use crate::db::list_query::NamedFilter;
use crate::db::partners::{self, PartnerRow, SORTING};
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::partners::model::PartnerResponse;
use crate::policy::Resource;

page_query! {
    /// The order and the page.
    pub struct PartnerPageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListPartnersQuery {
        /// Part of the name.
        pub q: Search,
    }
}

/// List partners
#[utoipa::path(
    get, path = "/api/partners/list/", tag = "partners", params(PartnerPageQuery, ListPartnersQuery, ArchivedQuery),
    responses((status = 200, description = "Partners by name", body = Vec<PartnerResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_partners(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(PartnerResponse::from)))
}

/// Returns the partners that match the parameters.
///
/// # Errors
/// 400 for an invalid parameter, 403 for deleted partners that the viewer may not see.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<PartnerRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::Partners)?;
    let order = params.order(&SORTING, limit);
    let filter =
        NamedFilter { q: ListPartnersQuery::read(&mut params).q.patterns(), is_archived: part.is_archived };
    params.finish()?;
    let rows = partners::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
