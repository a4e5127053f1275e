//! Requests and responses of requests, and their rules.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::amount::show;
use crate::db::audit::{self, Actor, Diff};
use crate::db::funds::accounts;
use crate::db::funds::requests::{self, RequestRow};
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::funds::transfers::model::{Note, Reference};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::options::{Day, Id, Optional, Required};
use crate::http::fields::types::Text;
use crate::http::json_values;
use crate::http::request::{patch, request};
use crate::policy::Resource;
use sluice_schemas::decimal::Decimal;

/// Statuses of a request.
pub const STATUSES: [&str; 5] = ["open", "approved", "refused", "cancelled", "topped_up"];

request! {
    /// A request for money. With PATCH, omitted fields keep their values.
    pub struct FundRequestRequest {
        /// The ad account. It cannot be changed later.
        pub account_id: Id,
        /// In the account's currency.
        pub amount: Required<Decimal>,
        pub purpose: Text<500>,
    }
}

patch! {
    /// Changes of a request. Omitted fields keep their values.
    pub struct UpdateFundRequestRequest of FundRequestRequest;
}

request! {
    /// The approved amount.
    pub struct ApproveFundRequestRequest {
        /// The amount that the approver read. 409 if the request is for another amount now.
        pub amount: Optional<Decimal>,
    }
}

request! {
    /// Reason for a refusal, up to 500 characters.
    pub struct RefuseFundRequestRequest {
        pub reason: Text<500>,
    }
}

request! {
    /// A top-up for an approved request.
    pub struct TopUpFundRequestRequest {
        /// At most the approved amount, which is the default.
        pub amount: Optional<Decimal>,
        /// Fee, in addition to the amount.
        pub fee: Optional<Decimal>,
        pub reference: Reference,
        /// The day on which the money moved. The default is today in the viewer's time zone.
        pub date: Optional<Day>,
        pub note: Note,
    }
}

/// A request for money.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundRequestResponse {
    pub id: i64,
    pub account_id: i64,
    /// The buyer who will spend the money.
    pub user_id: i64,
    pub amount: String,
    pub currency: String,
    pub purpose: String,
    /// Only requests with this status: `open`, `approved`, `refused`, `cancelled` or `topped_up`.
    pub status: String,
    /// The user who approved, refused or cancelled it.
    pub decided_by_id: Option<i64>,
    #[schema(format = DateTime)]
    pub decided_at: Option<String>,
    /// Reason for the refusal.
    pub reason: String,
    /// The budget against which it counts.
    pub budget_id: Option<i64>,
    /// The transfer that topped it up.
    pub transfer_id: Option<i64>,
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<&RequestRow> for FundRequestResponse {
    fn from(row: &RequestRow) -> Self {
        Self {
            id: row.id,
            account_id: row.fund_account_id,
            user_id: row.buyer_id,
            amount: show(row.amount_minor, &row.currency),
            currency: row.currency.clone(),
            purpose: row.purpose.clone(),
            status: row.status.clone(),
            decided_by_id: row.decided_by,
            decided_at: row.decided_at.map(|at| json_values::time(at.timestamp_millis())),
            reason: row.reason.clone(),
            budget_id: row.budget_id,
            transfer_id: row.entry_id,
            created_at: json_values::time(row.created_at.timestamp_millis()),
        }
    }
}

/// Locks and returns a request within reach, if it has the version that the client read and one of
/// these statuses.
///
/// # Errors
/// 404 if out of reach, 412 for another version, 409 for another status.
pub async fn lock_exclusive(
    connection: &mut PgConnection,
    reach: &Reach,
    call: &Call,
    statuses: &[&str],
) -> Result<RequestRow, ApiError> {
    let row =
        requests::lock_exclusive(connection, call.id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    if !statuses.contains(&row.status.as_str()) {
        return Err(ApiError::conflict(format!("The request is {} already.", row.status.replace('_', " "))));
    }
    Ok(row)
}

/// Locks the ad account of a request, and checks that it still belongs to the buyer who made the
/// request.
///
/// # Errors
/// 409 if the account was handed over since then.
pub async fn check_holder(connection: &mut PgConnection, row: &RequestRow) -> Result<(), ApiError> {
    let account = accounts::lock_exclusive(connection, row.fund_account_id).await?;
    if account.is_some_and(|account| account.buyer_id == row.buyer_id) {
        return Ok(());
    }
    Err(ApiError::conflict("The account is not the buyer's any more."))
}

/// Writes the line of the audit trail, and makes the response with the changed request.
pub async fn changed(
    connection: &mut PgConnection,
    actor: &Actor,
    verb: &str,
    before: &RequestRow,
) -> Result<Response, ApiError> {
    let after = requests::reread(connection, before.id).await?;
    let (before, now) = (FundRequestResponse::from(before), FundRequestResponse::from(&after));
    let diff = Diff::updated(&before, &now);
    audit::record(connection, actor, verb, Resource::FundRequests, now.id, diff).await?;
    Ok(answer(StatusCode::OK, &now, after.version))
}
