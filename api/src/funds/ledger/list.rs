//! `GET /api/funds/ledger/list/`: the lines of the ledger, newest first. Who sees everything sees both sides of an entry; a
//! buyer and a lead see what moved their ad accounts.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::db::funds::ledger::{self, LineFilter, LineRow};
use crate::funds::accounts::statement::moments;
use crate::funds::amount::show;
use crate::funds::reach::Reach;
use crate::funds::{read_time_cursor, time_cursor};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::state::App;

/// A line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerLineResponse {
    pub id: i64,
    #[schema(format = DateTime)]
    pub time: String,
    #[schema(format = Date)]
    pub date: String,
    pub kind: String,
    /// The lines of a transfer come to zero.
    pub transfer_id: i64,
    /// Where the money is: `bank` (outside), `ad_account`, `spend` or `fees`.
    pub book: String,
    /// The ad account, where the book is one.
    pub account_id: Option<i64>,
    pub currency: String,
    /// What came into the book; negative: what went out of it.
    pub amount: String,
    /// What was in it then.
    pub balance: String,
    pub reference: String,
    pub note: String,
}

impl From<LineRow> for LedgerLineResponse {
    fn from(row: LineRow) -> Self {
        Self {
            id: row.id,
            time: json_values::time(row.at.timestamp_millis()),
            date: row.day.to_string(),
            kind: row.kind,
            transfer_id: row.entry_id,
            book: row.book,
            account_id: row.fund_account_id,
            amount: show(row.amount_minor, &row.currency),
            balance: show(row.balance_minor, &row.currency),
            currency: row.currency,
            reference: row.reference,
            note: row.note,
        }
    }
}

/// What the ledger's list understands.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListLedgerQuery {
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the page before.
    cursor: Option<String>,
    /// Entered then or later: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// Entered then or before: RFC 3339, or a date in `tz` that is included whole.
    to: Option<String>,
    /// The name of a time zone; the viewer's unless given.
    tz: Option<String>,
    account_id: Option<i64>,
    /// Only of this buyer's accounts.
    user_id: Option<i64>,
    /// Only of the accounts of the buyers who are in this team now.
    team_id: Option<i64>,
}

/// List the ledger
#[utoipa::path(
    get, path = "/api/funds/ledger/list/", tag = "funds", params(ListLedgerQuery),
    responses((status = 200, description = "Lines, newest first", body = Vec<LedgerLineResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_ledger(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let reach = Reach::asked(&app, &allowed, &mut params).await?;
    let account_id = params.id("account_id");
    let (from, to) = moments(params.time_range(allowed.viewer.time_zone));
    let after = read_time_cursor(&mut params);
    params.finish()?;
    let filter = LineFilter { from, to, after, limit: i64::from(limit) + 1 };
    let rows = match reach.account_ids(&app, account_id).await? {
        None => ledger::list_all(&app.postgres, &filter).await?,
        Some(ids) => ledger::list_of(&app.postgres, &ids, &filter).await?,
    };
    let page = Page::of(rows, limit, |row| time_cursor(row.at, row.id));
    Ok(listing.answer(&page.map(LedgerLineResponse::from)))
}
