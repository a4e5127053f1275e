//! `GET /api/funds/balances/list/`: what accounts, buyers or teams held at a moment, and how long it lasts.
//!
//! A balance is what the books said at that moment: later entries do not change it, whatever day they are for. A buyer's is
//! that of the accounts that were theirs then, a team's that of the buyers who were in it then.

use axum::extract::State;
use axum::response::Response;
use chrono::Days;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::db::funds::balances::{self, BalanceFilter, BalanceRow};
use crate::db::time_of;
use crate::funds::accounts::statement::moments;
use crate::funds::amount::show;
use crate::funds::balances::runway::{RUNWAY_DAYS, days_left, is_low};
use crate::funds::reach::Reach;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, TimeRange, text_cursor};
use crate::policy::Scope;
use crate::state::App;
use sluice_schemas::currency::Currency;

/// A balance.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceResponse {
    /// `account`, `buyer` or `team`.
    pub by: &'static str,
    /// The account's, buyer's or team's.
    pub id: i64,
    pub name: String,
    pub currency: String,
    pub balance: String,
    /// In the last seven full days.
    pub spent_7_days: String,
    /// Whole days left at that spend; null when nothing was spent.
    pub runway_days: Option<i64>,
    /// A runway of fewer days is low; of a buyer or team the largest of the accounts'.
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

/// What the list of balances understands.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListBalancesQuery {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
    /// `account` (unless told otherwise), `buyer` or `team`.
    by: Option<String>,
    /// RFC 3339, or a date in `tz` of which the end is meant; now unless given.
    at: Option<String>,
    /// The name of a time zone, which also says when the seven days begin; the viewer's unless given.
    tz: Option<String>,
    /// By account: only this one.
    account_id: Option<i64>,
    /// By account: of this buyer's accounts. By buyer: only this one.
    user_id: Option<i64>,
    /// By account or buyer: of the buyers who are in it now. By team: only this one.
    team_id: Option<i64>,
}

/// List balances
#[utoipa::path(
    get, path = "/api/funds/balances/list/", tag = "funds", params(ListBalancesQuery),
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
    let by = params.choice("by", &["account", "buyer", "team"]);
    let filter = read_filter(&app, &allowed, &mut params, by, limit).await?;
    params.finish()?;
    let rows = match by {
        "account" => balances::by_account(&app.postgres, &filter).await?,
        "buyer" => balances::by_buyer(&app.postgres, &filter).await?,
        // A team's money is for its lead and who sees everything.
        _ if allowed.grant.scope == Scope::Own => Vec::new(),
        _ => balances::by_team(&app.postgres, &filter).await?,
    };
    let page = Page::of(rows, limit, |row| text_cursor(&format!("{} {}", row.id, row.currency)));
    Ok(listing.answer(&page.map(|row| BalanceResponse::of(by, row))))
}

async fn read_filter(
    app: &App,
    allowed: &Allowed,
    params: &mut Params,
    by: &str,
    limit: u32,
) -> Result<BalanceFilter, ApiError> {
    let zone = params.zone(allowed.viewer.time_zone);
    let now = time_of(&app.clock);
    let at_ms = params.at(zone).unwrap_or_else(|| now.timestamp_millis()).min(now.timestamp_millis());
    let (at, _) = moments(TimeRange { from_ms: at_ms, to_ms: at_ms });
    let today = at.with_timezone(&zone).date_naive();
    let before = |days| today.checked_sub_days(Days::new(days)).unwrap_or(today);
    let reach = Reach::asked(app, allowed, params).await?;
    let id = match by {
        "account" => params.id("account_id"),
        "team" => team(allowed, params),
        _ => None,
    };
    Ok(BalanceFilter {
        at,
        days: (before(u64::from(RUNWAY_DAYS)), before(1)),
        buyers: reach.buyers,
        id,
        after: read_cursor(params),
        limit: i64::from(limit) + 1,
    })
}

/// The only team to be shown: a lead's own, and none when another is asked for.
fn team(allowed: &Allowed, params: &mut Params) -> Option<i64> {
    let asked = params.id("team_id");
    if allowed.grant.scope == Scope::All {
        return asked;
    }
    let own = allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id);
    Some(if asked.is_none_or(|asked| asked == own) { own } else { 0 })
}

fn read_cursor(params: &mut Params) -> Option<(i64, String)> {
    let text = params.text_cursor()?;
    let read = text.split_once(' ').and_then(|(id, code)| {
        let code = Currency::parse(code)?.code.to_owned();
        Some((id.parse::<i64>().ok()?, code))
    });
    if read.is_none() {
        params.fail("cursor", "Invalid cursor.");
    }
    read
}
