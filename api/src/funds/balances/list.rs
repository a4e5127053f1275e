//! `GET /api/funds/balances/list/`: lists the balances of accounts, buyers or teams at a time, with
//! their runway.
//!
//! A balance is what the books contained at that time. Later entries do not change it, whatever
//! their date. The balance of a buyer includes the accounts that they had at that time, the balance
//! of a team the buyers who were its members at that time.

use axum::extract::State;
use axum::response::Response;
use chrono::Days;
use serde::Serialize;
use utoipa::ToSchema;

use crate::amount::show;
use crate::db::funds::balances::{self, BalanceFilter, BalanceRow, SORTING};
use crate::db::time_of;
use crate::funds::balances::runway::{RUNWAY_DAYS, days_left, is_low};
use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Moment, TimeRange};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};
use crate::policy::Scope;
use crate::time_zone::TimeZone;

/// A balance.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceResponse {
    /// `account`, `buyer` or `team`.
    pub by: &'static str,
    /// Id of the account, buyer or team.
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub balance: String,
    /// Spend of the last seven full days.
    pub spent_7_days: String,
    /// Whole days for which the balance lasts at that spend. Null if nothing was spent.
    pub runway_days: Option<i64>,
    /// A runway of fewer days counts as low. For a buyer or team, the largest value of the
    /// accounts.
    pub low_runway_days: i32,
    pub is_low: bool,
}

impl BalanceResponse {
    fn of(by: &'static str, row: BalanceRow) -> Self {
        Self {
            by,
            id: row.id,
            balance: show(row.balance_minor, &row.currency),
            spent_7_days: show(row.spent_minor, &row.currency),
            runway_days: days_left(row.balance_minor, row.spent_minor),
            low_runway_days: row.low_runway_days,
            is_low: is_low(row.balance_minor, row.spent_minor, row.low_runway_days),
            name: row.name,
            currency: row.currency,
        }
    }
}

page_query! {
    /// The order and the page.
    pub struct BalancePageQuery of SORTING;
}

/// The holders of balances. The first is the default.
const BY: [&str; 3] = ["account", "buyer", "team"];

word! {
    /// The holders of the balances.
    pub struct BalanceOf of BY;
}

query! {
    /// The filters of the list.
    pub struct ListBalancesQuery {
        /// `account` (the default), `buyer` or `team`.
        pub by: BalanceOf,
        /// Time of the balance: RFC 3339, or a date in `tz`, whose end is used. The default is now.
        pub at: Option<Moment>,
        /// IANA time zone, which also defines the seven days. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// With `by=account`: only this account.
        pub account_id: Option<i64>,
        /// With `by=account`: only accounts of this buyer. With `by=buyer`: only this buyer.
        pub user_id: Option<i64>,
        /// With `by=account` or `by=buyer`: only present members of this team. With `by=team`: only
        /// this team.
        pub team_id: Option<i64>,
    }
}

/// List balances
///
/// Amounts are sorted by currency first.
#[utoipa::path(
    get, path = "/api/funds/balances/list/", tag = "funds", params(BalancePageQuery, ListBalancesQuery),
    responses((status = 200, description = "Balances by id and currency", body = Vec<BalanceResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_balances(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&SORTING, limit);
    let query = ListBalancesQuery::read(&mut params);
    params.finish()?;
    let by = query.by.0.unwrap_or(BY[0]);
    let filter = read_filter(&app, &allowed, &query, by).await?;
    let rows = match by {
        "account" => balances::by_account(&app.postgres, &filter, &order).await?,
        "buyer" => balances::by_buyer(&app.postgres, &filter, &order).await?,
        // Balances of teams are for Team Leads and for viewers with full scope.
        _ if allowed.grant.scope == Scope::Own => Vec::new(),
        _ => balances::by_team(&app.postgres, &filter, &order).await?,
    };
    Ok(listing.answer(&Page::ordered(rows, &order).map(|row| BalanceResponse::of(by, row))))
}

async fn read_filter(
    app: &App,
    allowed: &Allowed,
    query: &ListBalancesQuery,
    by: &str,
) -> Result<BalanceFilter, ApiError> {
    let zone = query.tz.unwrap_or(allowed.viewer.time_zone);
    let now_ms = time_of(&app.clock).timestamp_millis();
    let at_ms = query.at.map_or(now_ms, |at| at.end_ms(zone)).min(now_ms);
    let (at, _) = TimeRange { from_ms: at_ms, to_ms: at_ms }.moments();
    let today = zone.day_of(at.timestamp_millis());
    let before = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let reach = Reach::asked(app, allowed, query.user_id, query.team_id).await?;
    let id = match by {
        "account" => query.account_id,
        "team" => team(allowed, query.team_id),
        _ => None,
    };
    Ok(BalanceFilter { at, days: (before(u64::from(RUNWAY_DAYS)), before(1)), buyers: reach.buyers, id })
}

/// Returns the team to which the list is limited: for a lead their own, and 0 (no team) if another
/// one is requested.
fn team(allowed: &Allowed, asked: Option<i64>) -> Option<i64> {
    if allowed.grant.scope == Scope::All {
        return asked;
    }
    let own = allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id);
    Some(if asked.is_none_or(|asked| asked == own) { own } else { 0 })
}
