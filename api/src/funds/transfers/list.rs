//! `GET /api/funds/transfers/list/`: lists the transfers of ad accounts within the viewer's scope,
//! newest first.

use axum::extract::State;
use axum::response::Response;

use crate::db::funds::entries::{self, EntryFilter, SORTING};
use crate::db::funds::post::EntryKind;
use crate::funds::account_filter::{AccountFilter, AccountFilterQuery};
use crate::funds::transfers::model::FundTransferResponse;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};

page_query! {
    /// The order and the page.
    pub struct FundTransferPageQuery of SORTING;
}

word! {
    /// The kind of a transfer.
    pub struct TransferKind of EntryKind::ALL.map(EntryKind::as_str);
}

query! {
    /// Further filters of the list.
    pub struct ListFundTransfersQuery {
        /// Only transfers of this kind: `top_up`, `spend`, `return` or `reversal`.
        pub kind: TransferKind,
    }
}

/// List transfers
///
/// References sort by name, amounts by currency first.
#[utoipa::path(
    get, path = "/api/funds/transfers/list/", tag = "funds", params(FundTransferPageQuery, AccountFilterQuery, ListFundTransfersQuery),
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
    let kind = ListFundTransfersQuery::read(&mut params).kind.0;
    let asked = AccountFilter::read(&app, &allowed, &mut params).await?;
    params.finish()?;
    let fund_account_ids = asked.account_ids(&app).await?;
    let filter = EntryFilter { fund_account_ids, kind, from: asked.from, to: asked.to };
    let rows = entries::list(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(FundTransferResponse::from)))
}
