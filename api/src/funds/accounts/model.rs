//! Ad accounts: where a buyer's money is spent. What they have in common on the wire.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod statement;
pub mod update;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::constraint_to_field;
use crate::db::funds::accounts::{AccountRow, AccountValues, NAME_UNIQUE, OF_BUYERS, SOURCE_KNOWN};
use crate::db::funds::post::FLOOR;
use crate::funds::amount::{show, to_minor};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::keys::Key;
use crate::http::json_values;

/// The states, the first of them unless told otherwise.
pub const STATES: [&str; 4] = ["active", "paused", "banned", "closed"];
const MAX_NAME_CHARS: usize = 100;
const DEFAULT_LOW_RUNWAY_DAYS: i64 = 3;
const MAX_LOW_RUNWAY_DAYS: i64 = 365;

/// An ad account to be, or what shall be changed of one.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FundAccountRequest {
    /// Up to 100 characters; unique among the accounts that are not archived.
    pub name: String,
    /// Whose account it is: a Buyer.
    pub user_id: i64,
    /// ISO 4217; it stays.
    pub currency: String,
    pub source_id: Option<i64>,
    /// `active`, `paused`, `banned` or `closed`. Only an active one is topped up.
    pub state: Option<String>,
    /// How far below zero spend may take it.
    pub credit_limit: Option<String>,
    /// A runway of fewer days is low.
    pub low_runway_days: Option<i32>,
}

/// An ad account.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundAccountResponse {
    pub id: i64,
    pub name: String,
    pub user_id: i64,
    pub source_id: Option<i64>,
    pub currency: String,
    pub state: String,
    pub credit_limit: String,
    pub low_runway_days: i32,
    /// What is in it now.
    pub balance: String,
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<&AccountRow> for FundAccountResponse {
    fn from(row: &AccountRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            user_id: row.buyer_id,
            source_id: row.source_id,
            currency: row.currency.clone(),
            state: row.state.clone(),
            credit_limit: show(row.credit_limit_minor, &row.currency),
            low_runway_days: row.low_runway_days,
            balance: show(row.balance_minor, &row.currency),
            created_at: json_values::time(row.created_at.timestamp_millis()),
        }
    }
}

/// Reads an account's fields; what is wrong stays in `fields`.
pub fn read(fields: &mut Fields) -> Option<AccountValues> {
    let name = fields.required_text("name", MAX_NAME_CHARS);
    let buyer_id = fields.required_id("user_id");
    let currency = fields.required_currency("currency");
    let source_id = fields.optional_id("source_id");
    let state = fields.choice("state", &STATES);
    let low_runway_days =
        fields.whole_number("low_runway_days", 0..=MAX_LOW_RUNWAY_DAYS, DEFAULT_LOW_RUNWAY_DAYS);
    let low_runway_days = i32::try_from(low_runway_days).expect("bounded above");
    let credit = fields.optional_decimal("credit_limit").zip(currency);
    let credit =
        credit.and_then(|(limit, currency)| fields.accept("credit_limit", to_minor(limit, currency, 0)));
    fields.finish().ok()?;
    Some(AccountValues {
        name: name?,
        source_id,
        buyer_id: buyer_id?,
        currency: currency?.code,
        state,
        credit_limit_minor: credit.unwrap_or(0),
        low_runway_days,
    })
}

/// Maps violated constraints to errors of fields.
#[must_use]
pub fn constraint_error(error: sqlx::Error, values: &AccountValues) -> ApiError {
    let no_buyer = Key::from(values.buyer_id).no_such();
    let no_source = values.source_id.map(|id| Key::from(id).no_such()).unwrap_or_default();
    constraint_to_field(
        error,
        &[
            (NAME_UNIQUE, "name", "An account with this name already exists."),
            (OF_BUYERS, "user_id", &no_buyer),
            (SOURCE_KNOWN, "source_id", &no_source),
            (FLOOR, "credit_limit", "The account is overdrawn by more than this."),
        ],
    )
}
