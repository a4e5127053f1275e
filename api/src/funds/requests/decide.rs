//! `POST /api/funds/requests/<id>/approve/` and `/refuse/`: the lead or an Owner decides about a
//! request.
//!
//! Nobody can approve more than the budget of the buyer's team allows, not even an Owner. An Owner
//! can raise the budget.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use axum::response::Response;
use chrono::{DateTime, Datelike as _, Utc};
use sqlx::PgConnection;

use crate::amount::show;
use crate::db::funds::budgets::{self, BudgetRow};
use crate::db::funds::rates;
use crate::db::funds::requests::{self, Decision, RequestRow};
use crate::db::time_of;
use crate::funds::rates::convert::convert;
use crate::funds::reach::Reach;
use crate::funds::requests::create::minor;
use crate::funds::requests::model::{
    ApproveFundRequestRequest, FundRequestResponse, RefuseFundRequestRequest, changed, check_holder,
    lock_exclusive,
};
use crate::http::call::Call;
use crate::http::error::{ApiError, DetailResponse};
use crate::http::openapi::ChangeErrors;
use crate::http::request::Body;
use crate::http::state::App;
use sluice_schemas::decimal::Decimal;

/// Version of a request that was not changed since its creation.
const FIRST_VERSION: i64 = 1;

/// Approve a request
///
/// The amount counts against this month's budget of the buyer's team, in the currency of the budget
/// by the newest rate. 409 if less is left. If the request was changed since its creation, send the
/// approved `amount` or `If-Match`; otherwise 428.
#[utoipa::path(
    post, path = "/api/funds/requests/{id}/approve/", tag = "funds",
    params(("id" = i64, Path)),
    request_body = ApproveFundRequestRequest,
    responses(
        (status = 428, description = "The request was changed since its creation", body = DetailResponse),
        (status = 200, description = "Approved", body = FundRequestResponse), ChangeErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn approve_fund_request(
    State(app): State<App>,
    call: Call,
    body: Body<ApproveFundRequestRequest>,
) -> Result<Response, ApiError> {
    let now = time_of(&app.clock);
    let mut transaction = call.allowed.begin(&app).await?;
    call.allowed.lock_teams_shared(&mut transaction).await?;
    let reach = Reach::of(&mut *transaction, &call.allowed).await?;
    let row = lock_exclusive(&mut transaction, &reach, &call, &["open"]).await?;
    check_amount(body.checked()?.amount.0, &call.headers, &row)?;
    check_holder(&mut transaction, &row).await?;
    let budget = charge(&mut transaction, &row, now).await?;
    let decided_by = Some(call.allowed.viewer.id);
    let decision = Decision { status: "approved", decided_by, budget: Some(budget), ..Decision::default() };
    requests::decide(&mut transaction, call.id, &decision, now).await?;
    let response = changed(&mut transaction, &call.actor, "approve", &row).await?;
    transaction.commit().await?;
    Ok(response)
}

/// Refuse a request
#[utoipa::path(
    post, path = "/api/funds/requests/{id}/refuse/", tag = "funds", params(("id" = i64, Path)),
    request_body = RefuseFundRequestRequest,
    responses((status = 200, description = "Refused", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn refuse_fund_request(
    State(app): State<App>,
    call: Call,
    body: Body<RefuseFundRequestRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    call.allowed.lock_teams_shared(&mut transaction).await?;
    let reach = Reach::of(&mut *transaction, &call.allowed).await?;
    let row = lock_exclusive(&mut transaction, &reach, &call, &["open"]).await?;
    let reason = body.checked()?.reason.0;
    let decision = Decision {
        status: "refused",
        decided_by: Some(call.allowed.viewer.id),
        reason,
        ..Decision::default()
    };
    requests::decide(&mut transaction, call.id, &decision, time_of(&app.clock)).await?;
    let response = changed(&mut transaction, &call.actor, "refuse", &row).await?;
    transaction.commit().await?;
    Ok(response)
}

/// Checks that the approver knows the amount: the buyer may have raised it since the approver read
/// it.
fn check_amount(sent: Option<Decimal>, headers: &HeaderMap, row: &RequestRow) -> Result<(), ApiError> {
    let (now, code) = (show(row.amount_minor, &row.currency), &row.currency);
    match sent {
        Some(amount) if minor(amount, code)? == row.amount_minor => Ok(()),
        Some(_) => Err(ApiError::conflict(format!("The request is for {now} {code} now."))),
        None if row.version == FIRST_VERSION || headers.contains_key(IF_MATCH) => Ok(()),
        None => Err(ApiError::precondition_required(format!(
            "The request was changed since it was made, and is for {now} {code} now. Send that as the amount, or If-Match."
        ))),
    }
}

/// Reserves the amount of a request in the budget. Returns the id of the budget and the amount in
/// its currency.
async fn charge(
    connection: &mut PgConnection,
    row: &RequestRow,
    now: DateTime<Utc>,
) -> Result<(i64, i64), ApiError> {
    let today = now.date_naive();
    let month = today.with_day(1).unwrap_or(today);
    let budget = budgets::lock_exclusive_of_buyer(connection, row.buyer_id, month).await?;
    let budget = budget.ok_or_else(|| {
        ApiError::conflict(format!("The buyer's team has no budget for {}.", month.format("%Y-%m")))
    })?;
    let minor = in_currency(connection, row, &budget, now).await?;
    let left = budget.amount_minor - budget.used_minor;
    if minor > left {
        let (left, code) = (show(left, &budget.currency), &budget.currency);
        let needed = show(minor, code);
        let month = month.format("%Y-%m");
        return Err(ApiError::conflict(format!(
            "The request takes {needed} {code}, and {left} {code} are left of the team's budget for {month}."
        )));
    }
    budgets::reserve(connection, budget.id, minor).await?;
    Ok((budget.id, minor))
}

async fn in_currency(
    connection: &mut PgConnection,
    row: &RequestRow,
    budget: &BudgetRow,
    now: DateTime<Utc>,
) -> Result<i64, ApiError> {
    if row.currency == budget.currency {
        return Ok(row.amount_minor);
    }
    let rate = rates::newest(connection, &row.currency, &budget.currency, now.date_naive()).await?;
    let rate = rate.ok_or_else(|| {
        let (from, to) = (&row.currency, &budget.currency);
        ApiError::conflict(format!("There is no rate from {from} to {to}, the budget's currency."))
    })?;
    convert(row.amount_minor, &row.currency, &rate)
        .ok_or_else(|| ApiError::conflict("The amount is too large in the budget's currency."))
}
