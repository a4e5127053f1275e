//! `GET /api/funds/transfers/list/`: lists the transfers of ad accounts within the viewer's scope,
//! newest first.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::entries::{self, EntryFilter, SORTING};
use crate::db::funds::post::EntryKind;
use crate::funds::accounts::statement::moments;
use crate::funds::reach::Reach;
use crate::funds::transfers::model::FundTransferResponse;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;

page_query! {
    /// The order and the page.
    pub struct FundTransferPageQuery of SORTING;
}

/// The filters of the list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundTransfersQuery {
    /// First time of entry, inclusive: RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// Last time of entry, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
    /// included.
    to: Option<String>,
    /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
    tz: Option<String>,
    /// Only of this ad account.
    account_id: Option<i64>,
    /// Only of this buyer's accounts.
    user_id: Option<i64>,
    /// Only of accounts of the present members of this team.
    team_id: Option<i64>,
    /// Only transfers of this kind: `top_up`, `spend`, `return` or `reversal`.
    kind: Option<String>,
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
    let reach = Reach::asked(&app, &allowed, &mut params).await?;
    let account_id = params.id("account_id");
    let (from, to) = moments(params.time_range(allowed.viewer.time_zone));
    let [top_up, spend, back, reversal] = EntryKind::ALL.map(EntryKind::as_str);
    let kind = params.choice("kind", &["", top_up, spend, back, reversal]);
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    params.finish()?;
    let fund_account_ids = reach.account_ids(&app, account_id).await?;
    let filter = EntryFilter { fund_account_ids, kind, from, to };
    let rows = entries::list(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(FundTransferResponse::from)))
}
