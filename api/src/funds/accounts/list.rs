//! `GET /api/funds/accounts/list/`: lists the ad accounts within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;

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
use crate::http::typed_query::{Search, query, word};
use crate::policy::Resource;

page_query! {
    /// The order and the page.
    pub struct FundAccountPageQuery of SORTING;
}

word! {
    /// The state of an ad account.
    pub struct AccountState of STATES;
}

query! {
    /// The filters of the list.
    pub struct ListFundAccountsQuery {
        /// Part of the name.
        pub q: Search,
        /// Only of this buyer.
        pub user_id: Option<i64>,
        /// Only of the present members of this team.
        pub team_id: Option<i64>,
        /// Only accounts at this traffic source.
        pub source_id: Option<i64>,
        /// Only accounts in this state: `active`, `paused`, `banned` or `closed`.
        pub state: AccountState,
    }
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
    let query = ListFundAccountsQuery::read(&mut params);
    let reach = Reach::asked(app, allowed, query.user_id, query.team_id).await?;
    let filter = AccountFilter {
        buyers: reach.buyers,
        q: query.q.patterns(),
        source_id: query.source_id,
        state: query.state.0,
        is_archived: part.is_archived,
    };
    params.finish()?;
    let rows = accounts::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
