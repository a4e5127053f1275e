//! The Funds Coordinator's work: ad accounts, budgets by month, requests, transfers and what they come to.
//!
//! The way of money: a buyer asks (`requests`), the lead approves within the budget (`budgets`, `rates`), the coordinator tops
//! up, spend is recorded by hand or from a file (`transfers`), and `ledger` and `balances` show it.
//!
//! Invariant: money moves by `transfers::record` only, and is whole minor units from `amount` to the database and back.

pub mod accounts;
pub mod amount;
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

/// The answer with a thing, and its version as the `ETag`.
pub fn answer(status: StatusCode, thing: &impl Serialize, version: i64) -> Response {
    let mut response = (status, Json(thing)).into_response();
    precondition::set_version(&mut response, version);
    response
}

/// The year 2100, in days since 1970.
const MAX_EPOCH_DAYS: i64 = 47_482;

/// The cursor after a day and an id.
#[must_use]
pub fn day_cursor(day: NaiveDate, id: i64) -> String {
    number_cursor(i64::from(day.to_epoch_days()), id)
}

/// The keyset of things that come by a day.
pub fn read_day_cursor(params: &mut Params) -> Option<(NaiveDate, i64)> {
    let (days, id) = params.number_cursor()?;
    // Days that the database has no date for are after all that there are.
    let day = NaiveDate::from_epoch_days(i32::try_from(days.min(MAX_EPOCH_DAYS)).unwrap_or(0));
    Some((day.unwrap_or_default(), id))
}

/// The cursor after a time and an id.
#[must_use]
pub fn time_cursor(at: DateTime<Utc>, id: i64) -> String {
    number_cursor(at.timestamp_millis(), id)
}

/// The keyset of things that come by a time.
pub fn read_time_cursor(params: &mut Params) -> Option<(DateTime<Utc>, i64)> {
    let (ms, id) = params.number_cursor()?;
    Some((DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::UNIX_EPOCH), id))
}
