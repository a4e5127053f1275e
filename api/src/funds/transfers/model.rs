//! Transfers: top-ups, spend, returns and their reversals; what they have in common on the wire.

pub mod columns;
pub mod create;
pub mod detail;
pub mod import;
pub mod list;
pub mod plan;
pub mod record;
pub mod reverse;
pub mod sheet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::funds::entries::EntryRow;
use crate::funds::amount::show;
use crate::http::json_values;

/// The most characters of a reference.
pub const MAX_REFERENCE_CHARS: usize = 100;
/// The most characters of a note.
pub const MAX_NOTE_CHARS: usize = 500;

/// Money to be moved.
#[derive(Debug, Deserialize, ToSchema)]
pub struct FundTransferRequest {
    /// `top_up`, `spend` or `return`.
    pub kind: String,
    pub account_id: i64,
    /// In the account's currency.
    pub amount: String,
    /// What a top-up costs beside its amount, in the same currency.
    pub fee: Option<String>,
    /// The day on which the money moved; today in the viewer's time zone unless given.
    pub date: Option<String>,
    /// The bank's or the network's. A spend's is taken once for an account and day.
    pub reference: Option<String>,
    pub note: Option<String>,
}

/// Money that was moved.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundTransferResponse {
    pub id: i64,
    /// `top_up`, `spend`, `return` or `reversal`.
    pub kind: String,
    pub account_id: i64,
    pub amount: String,
    pub fee: String,
    pub currency: String,
    /// The day on which the money moved.
    #[schema(format = Date)]
    pub date: String,
    /// When it was entered: balances count by it.
    #[schema(format = DateTime)]
    pub time: String,
    pub request_id: Option<i64>,
    /// The transfer that this one takes back.
    pub reverses_id: Option<i64>,
    /// The transfer that took this one back.
    pub reversed_by_id: Option<i64>,
    pub reference: String,
    pub note: String,
    /// Who entered it.
    pub user_id: i64,
}

impl From<EntryRow> for FundTransferResponse {
    fn from(row: EntryRow) -> Self {
        Self {
            id: row.id,
            amount: show(row.amount_minor, &row.currency),
            fee: show(row.fee_minor, &row.currency),
            kind: row.kind,
            account_id: row.fund_account_id,
            currency: row.currency,
            date: row.day.to_string(),
            time: json_values::time(row.at.timestamp_millis()),
            request_id: row.request_id,
            reverses_id: row.reverses_id,
            reversed_by_id: row.reversed_by_id,
            reference: row.reference,
            note: row.note,
            user_id: row.actor_id,
        }
    }
}
