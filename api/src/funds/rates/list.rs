//! `GET /api/funds/rates/list/`: lists exchange rates, latest days first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::currency::Currency;
use utoipa::IntoParams;

use crate::db::funds::rates::{self, RateFilter, SORTING};
use crate::funds::rates::model::FundRateResponse;
use crate::http::error::ApiError;
use crate::http::fields::values::parse_day;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;

page_query! {
    /// The order and the page.
    pub struct FundRatePageQuery of SORTING;
}

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundRatesQuery {
    /// Only rates of this currency (ISO 4217).
    base: Option<String>,
    /// Only rates to this currency (ISO 4217).
    quote: Option<String>,
    /// First day, inclusive.
    from: Option<String>,
    /// Last day, inclusive.
    to: Option<String>,
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
    let filter = RateFilter {
        base: currency(&mut params, "base"),
        quote: currency(&mut params, "quote"),
        from: day(&mut params, "from"),
        to: day(&mut params, "to"),
    };
    params.finish()?;
    let rows = rates::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundRateResponse::from(&row))))
}

fn currency(params: &mut Params, name: &str) -> Option<&'static str> {
    let text = params.text(name)?.to_owned();
    let found = Currency::parse(&text);
    if found.is_none() {
        params.fail(name, format!("\"{text}\" is not a currency of ISO 4217."));
    }
    found.map(|currency| currency.code)
}

fn day(params: &mut Params, name: &str) -> Option<chrono::NaiveDate> {
    let found = parse_day(params.text(name)?);
    if found.is_none() {
        params.fail(name, "Enter a date from 2000-01-01 to 2099-12-31, as 2026-11-23.");
    }
    found
}
