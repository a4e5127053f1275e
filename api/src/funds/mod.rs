//! Funds, the work of the Funds Coordinator: ad accounts, monthly budgets, requests, transfers,
//! ledger and balances.
//!
//! The path of money: a buyer makes a request (`requests`), the lead approves it within the budget
//! (`budgets`, `rates`), the coordinator tops up the ad account, spend is recorded by hand or from
//! a file (`transfers`), and `ledger` and `balances` show the result.
//!
//! Invariant: only `transfers::record` and `transfers::import` move money. Amounts are whole minor
//! units everywhere between `amount` and the database.

pub mod accounts;
pub mod balances;
pub mod budgets;
pub mod idempotency;
pub mod ledger;
pub mod rates;
pub mod reach;
pub mod requests;
pub mod transfers;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use crate::http::precondition;
use crate::http::query::{Params, number_cursor};

/// Makes a response with an object, and its version as `ETag`.
pub fn answer(status: StatusCode, thing: &impl Serialize, version: i64) -> Response {
    let mut response = (status, Json(thing)).into_response();
    precondition::set_version(&mut response, version);
    response
}

/// The year 2100, in days since 1970.
const MAX_EPOCH_DAYS: i64 = 47_482;

/// Returns the cursor after a day and an id.
#[must_use]
pub fn day_cursor(day: NaiveDate, id: i64) -> String {
    number_cursor(i64::from(day.to_epoch_days()), id)
}

/// Reads the cursor of a list that is ordered by day.
pub fn read_day_cursor(params: &mut Params) -> Option<(NaiveDate, i64)> {
    let (days, id) = params.number_cursor()?;
    // Days beyond the range of dates of the database come after all rows.
    let day = NaiveDate::from_epoch_days(i32::try_from(days.min(MAX_EPOCH_DAYS)).unwrap_or(0));
    Some((day.unwrap_or_default(), id))
}

/// Returns the cursor after a time and an id.
#[must_use]
pub fn time_cursor(at: DateTime<Utc>, id: i64) -> String {
    number_cursor(at.timestamp_millis(), id)
}

/// Reads the cursor of a list that is ordered by time.
pub fn read_time_cursor(params: &mut Params) -> Option<(DateTime<Utc>, i64)> {
    let (ms, id) = params.number_cursor()?;
    Some((DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH), id))
}
