//! Requests and responses of ad accounts, and their rules.

use serde::Serialize;
use sluice_schemas::currency::Currency;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::amount::{show, to_minor};
use crate::db::funds::accounts::{AccountRow, AccountValues, NAME_UNIQUE, OF_BUYERS, SOURCE_KNOWN};
use crate::db::funds::post::FLOOR;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::fields::options::{Id, Nullable, Optional, Required};
use crate::http::fields::types::{Text, WholeNumber, text};
use crate::http::fields::{Errors, Fields};
use crate::http::json_values;
use crate::http::request::{Field, patch, request};
use crate::http::server_error::constraint_to_field;
use sluice_schemas::decimal::Decimal;

/// States of an account. The first is the default.
pub const STATES: [&str; 4] = ["active", "paused", "banned", "closed"];

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
    /// Current balance.
    pub balance: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Only in lists of deleted accounts.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
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
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

request! {
    /// New values of an ad account.
    pub struct FundAccountRequest {
        /// Up to 100 characters, unique among the accounts that are not archived.
        pub name: Text<100>,
        /// The Buyer who has the account.
        pub user_id: Id,
        /// ISO 4217 code. It cannot be changed later.
        pub currency: Required<Currency>,
        pub source_id: Nullable<Id>,
        /// `active` (the default), `paused`, `banned` or `closed`. Only an active account can be
        /// topped up.
        pub state: AccountState,
        /// Amount by which the balance may be below zero. The default is 0.
        pub credit_limit: Optional<Decimal>,
        /// A runway of fewer days counts as low. From 0 to 365; the default is 3.
        pub low_runway_days: WholeNumber<0, 365, 3>,
    }
}

patch! {
    /// Changes of an ad account. Omitted fields keep their values.
    pub struct UpdateFundAccountRequest of FundAccountRequest;
}

/// The state of an ad account.
#[derive(Debug, Clone, Copy)]
pub struct AccountState(pub &'static str);

impl Field for AccountState {
    const IS_REQUIRED: bool = false;

    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        Some(Self(fields.choice(name, &STATES)))
    }

    fn schema() -> RefOr<Schema> {
        text().enum_values(Some(STATES)).into()
    }
}

impl Default for AccountState {
    fn default() -> Self {
        Self(STATES[0])
    }
}

impl FundAccountRequest {
    /// Returns the values, if there are no errors.
    pub fn values(&self, errors: &mut Errors) -> Option<AccountValues> {
        let credit = self.credit_limit.0.zip(self.currency.0);
        let credit =
            credit.and_then(|(limit, currency)| errors.accept("credit_limit", to_minor(limit, currency, 0)));
        errors.ok()?;
        Some(AccountValues {
            name: self.name.0.clone(),
            source_id: self.source_id.0.map(|id| id.0),
            buyer_id: self.user_id.0,
            currency: self.currency.0?.code,
            state: self.state.0,
            credit_limit_minor: credit.unwrap_or(0),
            low_runway_days: i32::try_from(self.low_runway_days.0).expect("bounded above"),
        })
    }
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
