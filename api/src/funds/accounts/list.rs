//! `GET /api/funds/accounts/list/`: lists the ad accounts within the viewer's scope, by name.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::accounts::{self, AccountFilter};
use crate::db::like_pattern;
use crate::funds::accounts::model::{FundAccountResponse, STATES};
use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::text_cursor;
use crate::http::state::App;

/// Query parameters of the list of ad accounts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundAccountsQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
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
#[utoipa::path(
    get, path = "/api/funds/accounts/list/", tag = "funds", params(ListFundAccountsQuery),
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
    let reach = Reach::asked(&app, &allowed, &mut params).await?;
    let [active, paused, banned, closed] = STATES;
    let state = params.choice("state", &["", active, paused, banned, closed]);
    let after = params.text_cursor();
    let cut = after
        .as_deref()
        .map(|text| text.rsplit_once(' ').and_then(|(name, id)| Some((name.to_owned(), id.parse().ok()?))));
    if cut == Some(None) {
        params.fail("cursor", "Invalid cursor.");
    }
    let filter = AccountFilter {
        buyers: reach.buyers,
        pattern: Some(params.q()).filter(|q| !q.is_empty()).map(|q| like_pattern(&q)),
        source_id: params.id("source_id"),
        state: Some(state).filter(|state| !state.is_empty()),
        after: cut.flatten(),
        limit: i64::from(limit) + 1,
    };
    params.finish()?;
    let rows = accounts::list(&app.postgres, &filter).await?;
    let page = Page::of(rows, limit, |row| text_cursor(&format!("{} {}", row.lower_name, row.id)));
    Ok(listing.answer(&page.map(|row| FundAccountResponse::from(&row))))
}
