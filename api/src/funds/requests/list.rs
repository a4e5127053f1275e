//! `GET /api/funds/requests/list/`: lists the requests within the viewer's scope, newest first.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::requests::{self, RequestFilter, SORTING};
use crate::funds::accounts::statement::moments;
use crate::funds::reach::Reach;
use crate::funds::requests::model::{FundRequestResponse, STATUSES};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Moment;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};
use crate::time_zone::TimeZone;

page_query! {
    /// The order and the page.
    pub struct FundRequestPageQuery of SORTING;
}

word! {
    /// The status of a request.
    pub struct RequestStatus of STATUSES;
}

query! {
    /// The filters of the list.
    pub struct ListFundRequestsQuery {
        /// First time of creation, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// Last time of creation, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
        /// included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// Only of this ad account.
        pub account_id: Option<i64>,
        /// Only of this buyer.
        pub user_id: Option<i64>,
        /// Only of the present members of this team.
        pub team_id: Option<i64>,
        /// Only requests with this status: `open`, `approved`, `refused`, `cancelled` or
        /// `topped_up`.
        pub status: RequestStatus,
    }
}

/// List requests
///
/// References sort by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/requests/list/", tag = "funds", params(FundRequestPageQuery, ListFundRequestsQuery),
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
    let query = ListFundRequestsQuery::read(&mut params);
    let reach = Reach::asked(&app, &allowed, query.user_id, query.team_id).await?;
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    let (from, to) = moments(range);
    let filter = RequestFilter {
        buyers: reach.buyers,
        fund_account_id: query.account_id,
        status: query.status.0,
        from,
        to,
    };
    params.finish()?;
    let rows = requests::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundRequestResponse::from(&row))))
}
