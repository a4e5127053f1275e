//! `GET /api/funds/rates/list/`: lists exchange rates, latest days first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::currency::Currency;

use crate::db::funds::rates::{self, RateFilter, SORTING};
use crate::funds::rates::model::FundRateResponse;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Day, query};

page_query! {
    /// The order and the page.
    pub struct FundRatePageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListFundRatesQuery {
        /// Only rates of this currency (ISO 4217).
        pub base: Option<Currency>,
        /// Only rates to this currency (ISO 4217).
        pub quote: Option<Currency>,
        /// First day, inclusive.
        pub from: Day,
        /// Last day, inclusive.
        pub to: Day,
    }
}

/// List exchange rates
#[utoipa::path(
    get, path = "/api/funds/rates/list/", tag = "funds", params(FundRatePageQuery, ListFundRatesQuery),
    responses((status = 200, description = "Rates, latest days first", body = Vec<FundRateResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_rates(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&SORTING, limit);
    let query = ListFundRatesQuery::read(&mut params);
    let filter = RateFilter {
        base: query.base.map(|currency| currency.code),
        quote: query.quote.map(|currency| currency.code),
        from: query.from.0,
        to: query.to.0,
    };
    params.finish()?;
    let rows = rates::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundRateResponse::from(&row))))
}
