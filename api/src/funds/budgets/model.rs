//! Requests and responses of budgets, and their rules.

use serde::Serialize;
use sluice_schemas::currency::Currency;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::amount::{show, to_minor};
use crate::db::funds::budgets::{self, BudgetRow, BudgetValues, KEPT, ONE_A_MONTH};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::fields::Errors;
use crate::http::fields::keys::Key;
use crate::http::fields::options::{Id, Month, Required};
use crate::http::request::{patch, request};
use crate::http::server_error::constraint_to_field;
use crate::policy::Scope;
use sluice_schemas::decimal::Decimal;

/// A team's budget.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundBudgetResponse {
    pub id: i64,
    pub team_id: i64,
    pub month: String,
    pub amount: String,
    pub currency: String,
    /// Sum of the approved requests.
    pub used: String,
    /// Amount that can still be approved.
    pub left: String,
}

impl From<&BudgetRow> for FundBudgetResponse {
    fn from(row: &BudgetRow) -> Self {
        Self {
            id: row.id,
            team_id: row.team_id,
            month: row.month.format("%Y-%m").to_string(),
            amount: show(row.amount_minor, &row.currency),
            currency: row.currency.clone(),
            used: show(row.used_minor, &row.currency),
            left: show(row.amount_minor - row.used_minor, &row.currency),
        }
    }
}

request! {
    /// New values of a budget.
    pub struct FundBudgetRequest {
        pub team_id: Id,
        /// The month, for example `2026-11`.
        pub month: Required<Month>,
        pub amount: Required<Decimal>,
        /// ISO 4217 code.
        pub currency: Required<Currency>,
    }
}

patch! {
    /// Changes of a budget. Omitted fields keep their values.
    pub struct UpdateFundBudgetRequest of FundBudgetRequest;
}

impl FundBudgetRequest {
    /// Returns the values, if there are no errors.
    pub fn values(&self, errors: &mut Errors) -> Option<BudgetValues> {
        let amount = self.amount.0.zip(self.currency.0);
        let amount =
            amount.and_then(|(amount, currency)| errors.accept("amount", to_minor(amount, currency, 1)));
        errors.ok()?;
        Some(BudgetValues {
            team_id: self.team_id.0,
            month: self.month.0?.0,
            amount_minor: amount?,
            currency: self.currency.0?.code,
        })
    }
}

/// Checks that a budget with approved requests keeps its team, month and currency, and at least the
/// approved amount.
pub fn keep_used(errors: &mut Errors, row: &BudgetRow, values: &BudgetValues) {
    if row.used_minor == 0 {
        return;
    }
    let message = "This cannot be changed: requests were approved within the budget.";
    for (name, differs) in [
        ("team_id", row.team_id != values.team_id),
        ("month", row.month != values.month),
        ("currency", row.currency != values.currency),
    ] {
        if differs {
            errors.fail(name, message);
        }
    }
    if row.currency == values.currency && values.amount_minor < row.used_minor {
        let used = show(row.used_minor, &row.currency);
        errors.fail(
            "amount",
            format!("Ensure this value is greater than or equal to {used}: so much is approved."),
        );
    }
}

/// Checks that the team exists.
///
/// # Errors
/// 400 at `team_id`.
pub async fn check_team(connection: &mut PgConnection, values: &BudgetValues) -> Result<(), ApiError> {
    if budgets::is_team(connection, values.team_id).await? {
        return Ok(());
    }
    Err(ApiError::field("team_id", Key::from(values.team_id).no_such()))
}

/// Returns the only team whose budgets the viewer sees; `None` means all teams, and 0 no team.
#[must_use]
pub fn team_in_reach(allowed: &Allowed) -> Option<i64> {
    match allowed.grant.scope {
        Scope::All => None,
        Scope::Own | Scope::Team => Some(allowed.viewer.team.as_ref().map_or(0, |(id, _)| *id)),
    }
}

/// Maps violated constraints to errors of fields.
#[must_use]
pub fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_field(
        error,
        &[
            (ONE_A_MONTH, "month", "The team has a budget for this month."),
            (KEPT, "amount", "More than this is approved."),
        ],
    )
}
