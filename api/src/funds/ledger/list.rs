//! `GET /api/funds/ledger/list/`: lists the lines of the ledger, newest first.
//!
//! Viewers with full scope see both sides of an entry. Buyers and leads see the lines of ad
//! accounts within their scope.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::amount::show;
use crate::db::funds::ledger::{self, LineFilter, LineRow, SORTING};
use crate::funds::account_filter::{AccountFilter, AccountFilterQuery};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;

/// A line of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub struct LedgerLineResponse {
    pub id: i64,
    #[schema(format = DateTime)]
    pub time: String,
    #[schema(format = Date)]
    pub date: String,
    pub kind: String,
    /// The transfer of this line. The amounts of its lines add up to zero.
    pub transfer_id: i64,
    /// Where the money is: `bank` (outside), `ad_account`, `spend` or `fees`.
    pub book: String,
    /// The ad account if the book is `ad_account`.
    pub account_id: Option<i64>,
    pub currency: String,
    /// Positive if the money came into the book, negative if it left it.
    pub amount: String,
    /// Balance of the book after this line.
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

page_query! {
    /// The order and the page.
    pub struct LedgerPageQuery of SORTING;
}

/// List the lines of the ledger
///
/// `account_id` sorts by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/ledger/list/", tag = "funds", params(LedgerPageQuery, AccountFilterQuery),
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
    let order = params.order(&SORTING, limit);
    let asked = AccountFilter::read(&app, &allowed, &mut params).await?;
    params.finish()?;
    let fund_account_ids = asked.account_ids(&app).await?;
    let filter = LineFilter { fund_account_ids, from: asked.from, to: asked.to };
    let rows = ledger::list(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(LedgerLineResponse::from)))
}
