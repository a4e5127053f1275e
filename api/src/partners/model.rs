//! Requests and responses of partners.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::db::partners::{NewPartner, PartnerRow};
use crate::http::fields::types::{CurrencyOrDollar, Text};
use crate::http::json_values;
use crate::http::request::{patch, request};
use crate::partners::rules::StatusMap;

/// A partner: a company that accepts orders and pays for them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PartnerResponse {
    pub id: i64,
    pub name: String,
    /// Currency of payouts without their own (ISO 4217).
    pub currency: String,
    /// Status by the partner's word in lower case: `hold`, `sale`, `rejected`, `trash`,
    /// `chargeback` or `rebill`. Common words need no entry.
    pub status_map: BTreeMap<String, String>,
    /// Only in lists of deleted partners.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

impl From<PartnerRow> for PartnerResponse {
    fn from(row: PartnerRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            currency: row.currency,
            status_map: row.status_map.0,
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

request! {
    /// A new partner. In a form, `status_map` is the text of a JSON object.
    pub struct CreatePartnerRequest {
        /// Up to 100 characters, unique regardless of case.
        pub name: Text<100>,
        /// ISO 4217 code. The default is `USD`.
        pub currency: CurrencyOrDollar,
        /// Status by the partner's word, at most 200 words: `hold`, `sale`, `rejected`, `trash`,
        /// `chargeback` or `rebill`. Case does not matter.
        pub status_map: StatusMap,
    }
}

patch! {
    /// Changes of a partner. Omitted fields keep their values.
    pub struct UpdatePartnerRequest of CreatePartnerRequest;
}

impl From<CreatePartnerRequest> for NewPartner {
    fn from(request: CreatePartnerRequest) -> Self {
        Self {
            name: request.name.0,
            currency: request.currency.0.code.to_owned(),
            status_map: request.status_map.0,
        }
    }
}
