//! `GET /api/funds/transfers/list/`: lists the transfers of ad accounts within the viewer's scope,
//! newest first.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::entries::{self, EntryFilter, SORTING};
use crate::db::funds::post::EntryKind;
use crate::funds::accounts::statement::moments;
use crate::funds::reach::Reach;
use crate::funds::transfers::model::FundTransferResponse;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Moment;
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};
use crate::time_zone::TimeZone;

page_query! {
    /// The order and the page.
    pub struct FundTransferPageQuery of SORTING;
}

word! {
    /// The kind of a transfer.
    pub struct TransferKind of EntryKind::ALL.map(EntryKind::as_str);
}

query! {
    /// The filters of the list.
    pub struct ListFundTransfersQuery {
        /// First time of entry, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// Last time of entry, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
        /// included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// Only of this ad account.
        pub account_id: Option<i64>,
        /// Only of this buyer's accounts.
        pub user_id: Option<i64>,
        /// Only of accounts of the present members of this team.
        pub team_id: Option<i64>,
        /// Only transfers of this kind: `top_up`, `spend`, `return` or `reversal`.
        pub kind: TransferKind,
    }
}

/// List transfers
///
/// References sort by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/transfers/list/", tag = "funds", params(FundTransferPageQuery, ListFundTransfersQuery),
    responses((status = 200, description = "Transfers, newest first", body = Vec<FundTransferResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_fund_transfers(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&SORTING, limit);
    let query = ListFundTransfersQuery::read(&mut params);
    let reach = Reach::asked(&app, &allowed, query.user_id, query.team_id).await?;
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    let (from, to) = moments(range);
    params.finish()?;
    let fund_account_ids = reach.account_ids(&app, query.account_id).await?;
    let filter = EntryFilter { fund_account_ids, kind: query.kind.0, from, to };
    let rows = entries::list(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(FundTransferResponse::from)))
}
