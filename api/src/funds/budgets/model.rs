//! What teams may spend in a month: what budgets have in common on the wire.
//!
//! A request counts against the budget of the month in which it is approved (UTC), of the team that its buyer is in then. The
//! database keeps what is used from passing the amount.

pub mod create;
pub mod delete;
pub mod detail;
pub mod list;
pub mod update;

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::db::constraint_to_field;
use crate::db::funds::budgets::{self, BudgetRow, BudgetValues, KEPT, ONE_A_MONTH};
use crate::funds::amount::{show, to_minor};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::fields::keys::Key;
use crate::http::guard::Allowed;
use crate::policy::Scope;

/// A budget to be, or what shall be changed of one.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FundBudgetRequest {
    pub team_id: i64,
    /// As 2026-11.
    pub month: String,
    pub amount: String,
    /// ISO 4217.
    pub currency: String,
}

/// A team's budget.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundBudgetResponse {
    pub id: i64,
    pub team_id: i64,
    pub month: String,
    pub amount: String,
    pub currency: String,
    /// What is approved of it.
    pub used: String,
    /// What can still be approved.
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

/// Reads a budget's fields; what is wrong stays in `fields`.
pub fn read(fields: &mut Fields) -> Option<BudgetValues> {
    let team_id = fields.required_id("team_id");
    let month = fields.required_month("month");
    let currency = fields.required_currency("currency");
    let amount = fields.required_decimal("amount").zip(currency);
    let amount = amount.and_then(|(amount, currency)| fields.accept("amount", to_minor(amount, currency, 1)));
    fields.finish().ok()?;
    Some(BudgetValues { team_id: team_id?, month: month?, amount_minor: amount?, currency: currency?.code })
}

/// A budget of which something is approved keeps its team, month and currency.
pub fn keep_used(fields: &mut Fields, row: &BudgetRow, values: &BudgetValues) {
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
            fields.fail(name, message);
        }
    }
    if row.currency == values.currency && values.amount_minor < row.used_minor {
        let used = show(row.used_minor, &row.currency);
        fields.fail(
            "amount",
            format!("Ensure this value is greater than or equal to {used}: so much is approved."),
        );
    }
}

/// Whether the team is one that can have a budget.
///
/// # Errors
/// 400 at the team.
pub async fn check_team(connection: &mut PgConnection, values: &BudgetValues) -> Result<(), ApiError> {
    if budgets::is_team(connection, values.team_id).await? {
        return Ok(());
    }
    Err(ApiError::field("team_id", Key::from(values.team_id).no_such()))
}

/// The team whose budgets alone a viewer sees; `None`: all. A lead without a team sees those of a team that nobody has.
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
