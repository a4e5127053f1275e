//! `GET /api/funds/transfers/list/`: the transfers of the ad accounts that the viewer may see, newest first.

use axum::extract::State;
use axum::response::Response;
use utoipa::IntoParams;

use crate::db::funds::entries::{self, EntryFilter};
use crate::db::funds::post::EntryKind;
use crate::funds::accounts::statement::moments;
use crate::funds::reach::Reach;
use crate::funds::transfers::FundTransferResponse;
use crate::funds::{read_time_cursor, time_cursor};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::state::App;

/// What the lists of the ledger understand.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListFundTransfersQuery {
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
    /// `top_up`, `spend`, `return` or `reversal`.
    kind: Option<String>,
}

/// List transfers
#[utoipa::path(
    get, path = "/api/funds/transfers/list/", tag = "funds", params(ListFundTransfersQuery),
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
    let reach = Reach::asked(&app, &allowed, &mut params).await?;
    let account_id = params.id("account_id");
    let (from, to) = moments(params.time_range(allowed.viewer.time_zone));
    let [top_up, spend, back, reversal] = EntryKind::ALL.map(EntryKind::as_str);
    let kind = params.choice("kind", &["", top_up, spend, back, reversal]);
    let after = read_time_cursor(&mut params);
    let kind = Some(kind).filter(|kind| !kind.is_empty());
    params.finish()?;
    let filter = EntryFilter { kind, from, to, after, limit: i64::from(limit) + 1 };
    let rows = match reach.account_ids(&app, account_id).await? {
        None => entries::list_all(&app.postgres, &filter).await?,
        Some(ids) => entries::list_of(&app.postgres, &ids, &filter).await?,
    };
    let page = Page::of(rows, limit, |row| time_cursor(row.at, row.id));
    Ok(listing.answer(&page.map(FundTransferResponse::from)))
}
