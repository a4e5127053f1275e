//! `GET /api/funds/requests/list/`: lists the requests within the viewer's scope, newest first.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::requests::{self, RequestFilter, SORTING};
use crate::funds::accounts::statement::moments;
use crate::funds::reach::Reach;
use crate::funds::requests::model::{FundRequestResponse, STATUSES};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;

page_query! {
    /// The order and the page.
    pub struct FundRequestPageQuery of SORTING;
}

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundRequestsQuery {
    /// First time of creation, inclusive: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// Last time of creation, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
    /// included.
    to: Option<String>,
    /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
    tz: Option<String>,
    /// Only of this ad account.
    account_id: Option<i64>,
    /// Only of this buyer.
    user_id: Option<i64>,
    /// Only of the present members of this team.
    team_id: Option<i64>,
    /// Only requests with this status: `open`, `approved`, `refused`, `cancelled` or `topped_up`.
    status: Option<String>,
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
    let reach = Reach::asked(&app, &allowed, &mut params).await?;
    let (from, to) = moments(params.time_range(allowed.viewer.time_zone));
    let [open, approved, refused, cancelled, topped_up] = STATUSES;
    let status = params.choice("status", &["", open, approved, refused, cancelled, topped_up]);
    let filter = RequestFilter {
        buyers: reach.buyers,
        fund_account_id: params.id("account_id"),
        status: Some(status).filter(|status| !status.is_empty()),
        from,
        to,
    };
    params.finish()?;
    let rows = requests::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundRequestResponse::from(&row))))
}
