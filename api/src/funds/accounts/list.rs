//! `GET /api/funds/accounts/list/`: lists the ad accounts within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::accounts::{self, AccountFilter, AccountRow, SORTING};
use crate::funds::accounts::model::{FundAccountResponse, STATES};
use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::archived::{ArchivedQuery, read_part};
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::policy::Resource;

page_query! {
    /// The order and the page.
    pub struct FundAccountPageQuery of SORTING;
}

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundAccountsQuery {
    /// Part of the name.
    q: Option<String>,
    /// Only of this buyer.
    user_id: Option<i64>,
    /// Only of the present members of this team.
    team_id: Option<i64>,
    /// Only accounts at this traffic source.
    source_id: Option<i64>,
    /// Only accounts in this state: `active`, `paused`, `banned` or `closed`.
    state: Option<String>,
}

/// List ad accounts
///
/// `user_id` and `source_id` sort by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/accounts/list/", tag = "funds",
    params(FundAccountPageQuery, ListFundAccountsQuery, ArchivedQuery),
    responses((status = 200, description = "Ad accounts by name", body = Vec<FundAccountResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_accounts(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(|row| FundAccountResponse::from(&row))))
}

/// Returns the ad accounts that match the parameters, within the viewer's scope.
///
/// # Errors
/// 400 for an invalid parameter.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<AccountRow>, ApiError> {
    let part = read_part(&mut params, allowed, Resource::FundAccounts)?;
    let order = params.order(&SORTING, limit);
    let reach = Reach::asked(app, allowed, &mut params).await?;
    let [active, paused, banned, closed] = STATES;
    let state = params.choice("state", &["", active, paused, banned, closed]);
    let filter = AccountFilter {
        buyers: reach.buyers,
        pattern: params.q_pattern(),
        source_id: params.id("source_id"),
        state: Some(state).filter(|state| !state.is_empty()),
        is_archived: part.is_archived,
    };
    params.finish()?;
    let rows = accounts::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
