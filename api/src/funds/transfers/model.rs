//! Requests and responses of transfers, and their rules.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::amount::show;
use crate::db::funds::entries::EntryRow;
use crate::db::funds::post::EntryKind;
use crate::http::fields::Fields;
use crate::http::fields::options::{Day, Id, Optional, Required};
use crate::http::fields::types::{OptionalText, text};
use crate::http::json_values;
use crate::http::request::{Field, request};
use sluice_schemas::decimal::Decimal;

const MAX_KIND_CHARS: usize = 100;
/// Maximum characters of a reference.
pub const MAX_REFERENCE_CHARS: usize = 100;

/// The reference of the bank or the network.
pub type Reference = OptionalText<MAX_REFERENCE_CHARS>;
/// A note of the coordinator.
pub type Note = OptionalText<500>;

/// Kind of a transfer that is recorded by hand.
#[derive(Debug, Clone, Copy)]
pub struct TransferKind(pub EntryKind);

request! {
    /// A transfer to record.
    pub struct FundTransferRequest {
        /// `top_up`, `spend` or `return`.
        pub kind: Required<TransferKind>,
        pub account_id: Id,
        /// In the account's currency.
        pub amount: Required<Decimal>,
        /// Fee of a top-up, in addition to its amount and in the same currency.
        pub fee: Optional<Decimal>,
        /// The day on which the money moved. The default is today in the viewer's time zone.
        pub date: Optional<Day>,
        /// Reference of the bank or the network, up to 100 characters. For spend it must be unique
        /// for an account and day.
        pub reference: Reference,
        pub note: Note,
    }
}

request! {
    /// Note on a reversal.
    pub struct ReverseFundTransferRequest {
        pub note: Note,
    }
}

impl TransferKind {
    const ALL: [EntryKind; 3] = [EntryKind::TopUp, EntryKind::Spend, EntryKind::Return];
}

impl Field for Required<TransferKind> {
    fn read(fields: &mut Fields, name: &str) -> Option<Self> {
        let word = fields.required_text(name, MAX_KIND_CHARS)?;
        let kind = TransferKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        if kind.is_none() {
            fields.fail(name, format!("\"{word}\" is not a valid choice."));
        }
        Some(Self(Some(TransferKind(kind.unwrap_or(EntryKind::TopUp)))))
    }

    fn schema() -> RefOr<Schema> {
        text().enum_values(Some(TransferKind::ALL.map(EntryKind::as_str))).into()
    }
}

/// A recorded transfer.
#[derive(Debug, Serialize, ToSchema)]
pub struct FundTransferResponse {
    pub id: i64,
    /// Only transfers of this kind: `top_up`, `spend`, `return` or `reversal`.
    pub kind: String,
    pub account_id: i64,
    pub amount: String,
    pub fee: String,
    pub currency: String,
    /// The day on which the money moved.
    #[schema(format = Date)]
    pub date: String,
    /// Time of entry, which balances use.
    #[schema(format = DateTime)]
    pub time: String,
    pub request_id: Option<i64>,
    /// The transfer that this one reverses.
    pub reverses_id: Option<i64>,
    /// The transfer that reversed this one.
    pub reversed_by_id: Option<i64>,
    pub reference: String,
    pub note: String,
    /// The user who entered it.
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
