//! `GET /api/funds/rates/list/`: lists exchange rates, latest days first.

use axum::extract::State;
use axum::response::Response;
use sluice_schemas::currency::Currency;
use utoipa::IntoParams;

use crate::db::funds::rates::{self, RateFilter};
use crate::funds::rates::model::FundRateResponse;
use crate::funds::{day_cursor, read_day_cursor};
use crate::http::error::ApiError;
use crate::http::fields::values::parse_day;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::state::App;

/// Query parameters of the list of rates.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundRatesQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
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
    get, path = "/api/funds/rates/list/", tag = "funds", params(ListFundRatesQuery),
    responses((status = 200, description = "Rates, latest days first", body = Vec<FundRateResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_rates(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let filter = RateFilter {
        base: currency(&mut params, "base"),
        quote: currency(&mut params, "quote"),
        from: day(&mut params, "from"),
        to: day(&mut params, "to"),
        after: read_day_cursor(&mut params),
        limit: i64::from(limit) + 1,
    };
    params.finish()?;
    let rows = rates::list(&app.postgres, &filter).await?;
    let page = Page::of(rows, limit, |row| day_cursor(row.day, row.id));
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
