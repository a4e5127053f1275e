//! `GET /api/funds/requests/list/`: lists the requests within the viewer's scope, newest first.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::requests::{self, RequestFilter, SORTING};
use crate::funds::account_filter::{AccountFilter, AccountFilterQuery};
use crate::funds::requests::model::{FundRequestResponse, STATUSES};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};

page_query! {
    /// The order and the page.
    pub struct FundRequestPageQuery of SORTING;
}

word! {
    /// The status of a request.
    pub struct RequestStatus of STATUSES;
}

query! {
    /// Further filters of the list.
    pub struct ListFundRequestsQuery {
        /// Only requests with this status: `open`, `approved`, `refused`, `cancelled` or
        /// `topped_up`.
        pub status: RequestStatus,
    }
}

/// List requests
///
/// References sort by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/requests/list/", tag = "funds", params(FundRequestPageQuery, AccountFilterQuery, ListFundRequestsQuery),
    responses((status = 200, description = "Requests, newest first", body = Vec<FundRequestResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_requests(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&SORTING, limit);
    let status = ListFundRequestsQuery::read(&mut params).status.0;
    let AccountFilter { reach, account_id, from, to } =
        AccountFilter::read(&app, &allowed, &mut params).await?;
    let filter = RequestFilter { buyers: reach.buyers, fund_account_id: account_id, status, from, to };
    params.finish()?;
    let rows = requests::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundRequestResponse::from(&row))))
}
