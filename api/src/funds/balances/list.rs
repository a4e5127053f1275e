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
use utoipa::{IntoParams, ToSchema};

use crate::amount::show;
use crate::db::funds::balances::{self, BalanceFilter, BalanceRow, SORTING};
use crate::db::time_of;
use crate::funds::accounts::statement::moments;
use crate::funds::balances::runway::{RUNWAY_DAYS, days_left, is_low};
use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, TimeRange};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::policy::Scope;

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

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListBalancesQuery {
    /// `account` (the default), `buyer` or `team`.
    by: Option<String>,
    /// Time of the balance: RFC 3339, or a date in `tz`, whose end is used. The default is now.
    at: Option<String>,
    /// IANA time zone, which also defines the seven days. The default is the viewer's.
    tz: Option<String>,
    /// With `by=account`: only this account.
    account_id: Option<i64>,
    /// With `by=account`: only accounts of this buyer. With `by=buyer`: only this buyer.
    user_id: Option<i64>,
    /// With `by=account` or `by=buyer`: only present members of this team. With `by=team`: only
    /// this team.
    team_id: Option<i64>,
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
    let by = params.choice("by", &["account", "buyer", "team"]);
    let filter = read_filter(&app, &allowed, &mut params, by).await?;
    params.finish()?;
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
    params: &mut Params,
    by: &str,
) -> Result<BalanceFilter, ApiError> {
    let zone = params.zone(allowed.viewer.time_zone);
    let now = time_of(&app.clock);
    let at_ms = params.at(zone).unwrap_or_else(|| now.timestamp_millis()).min(now.timestamp_millis());
    let (at, _) = moments(TimeRange { from_ms: at_ms, to_ms: at_ms });
    let today = zone.day_of(at.timestamp_millis());
    let before = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let reach = Reach::asked(app, allowed, params).await?;
    let id = match by {
        "account" => params.id("account_id"),
        "team" => team(allowed, params),
        _ => None,
    };
    Ok(BalanceFilter { at, days: (before(u64::from(RUNWAY_DAYS)), before(1)), buyers: reach.buyers, id })
}

/// Returns the team to which the list is limited: for a lead their own, and 0 (no team) if another
/// one is requested.
fn team(allowed: &Allowed, params: &mut Params) -> Option<i64> {
    let asked = params.id("team_id");
    if allowed.grant.scope == Scope::All {
        return asked;
    }
    let own = allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id);
    Some(if asked.is_none_or(|asked| asked == own) { own } else { 0 })
}
