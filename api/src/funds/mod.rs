//! Funds, the work of the Funds Coordinator: ad accounts, monthly budgets, requests, transfers,
//! ledger and balances.
//!
//! The path of money: a buyer makes a request (`requests`), the lead approves it within the budget
//! (`budgets`, `rates`), the coordinator tops up the ad account, spend is recorded by hand or from
//! a file (`transfers`), and `ledger` and `balances` show the result.
//!
//! Invariant: only `transfers::record` and `transfers::import` move money. Amounts are whole minor
//! units everywhere between `amount` and the database.

pub mod account_filter;
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
use serde::Serialize;

use crate::http::precondition;

/// Makes a response with an object, and its version as `ETag`.
pub fn answer(status: StatusCode, thing: &impl Serialize, version: i64) -> Response {
    let mut response = (status, Json(thing)).into_response();
    precondition::set_version(&mut response, version);
    response
}
