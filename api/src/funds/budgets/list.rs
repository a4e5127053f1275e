//! `GET /api/funds/budgets/list/`: lists the budgets within the viewer's scope, latest months
//! first.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::budgets::{self, BudgetFilter, SORTING};
use crate::funds::budgets::model::{FundBudgetResponse, team_in_reach};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::fields::values::parse_month;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;

page_query! {
    /// The order and the page.
    pub struct FundBudgetPageQuery of SORTING;
}

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundBudgetsQuery {
    /// Only budgets of this team.
    team_id: Option<i64>,
    /// Only budgets of this month, for example `2026-11`.
    month: Option<String>,
}

/// List budgets
///
/// `team_id` sorts by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/budgets/list/", tag = "funds", params(FundBudgetPageQuery, ListFundBudgetsQuery),
    responses((status = 200, description = "Budgets, latest months first", body = Vec<FundBudgetResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_budgets(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&SORTING, limit);
    let asked = params.id("team_id");
    let month = params.text("month").map(parse_month);
    if month == Some(None) {
        params.fail("month", "Enter a month from 2000-01 to 2099-12, as 2026-11.");
    }
    let within = team_in_reach(&allowed);
    // 0 is the id of no team.
    let team_id = match (within, asked) {
        (Some(own), Some(asked)) if own != asked => Some(0),
        (within, asked) => within.or(asked),
    };
    let filter = BudgetFilter { team_id, month: month.flatten() };
    params.finish()?;
    let rows = budgets::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundBudgetResponse::from(&row))))
}
