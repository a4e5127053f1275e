//! `GET /api/funds/budgets/list/`: lists the budgets within the viewer's scope, latest months
//! first.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::budgets::{self, BudgetFilter, SORTING};
use crate::funds::budgets::model::{FundBudgetResponse, team_in_reach};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Month, query};

page_query! {
    /// The order and the page.
    pub struct FundBudgetPageQuery of SORTING;
}

query! {
    /// The filters of the list.
    pub struct ListFundBudgetsQuery {
        /// Only budgets of this team.
        pub team_id: Option<i64>,
        /// Only budgets of this month, for example `2026-11`.
        pub month: Month,
    }
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
    let ListFundBudgetsQuery { team_id: asked, month: Month(month) } =
        ListFundBudgetsQuery::read(&mut params);
    let within = team_in_reach(&allowed);
    // 0 is the id of no team.
    let team_id = match (within, asked) {
        (Some(own), Some(asked)) if own != asked => Some(0),
        (within, asked) => within.or(asked),
    };
    let filter = BudgetFilter { team_id, month };
    params.finish()?;
    let rows = budgets::list(&app.postgres, &filter, &order).await?;
    let page = Page::ordered(rows, &order);
    Ok(listing.answer(&page.map(|row| FundBudgetResponse::from(&row))))
}
