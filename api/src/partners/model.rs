//! Requests and responses of partners.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::db::partners::{NewPartner, PartnerRow};
use crate::http::fields::types::{CurrencyOrDollar, Text};
use crate::http::request::{patch, request};
use crate::partners::rules::StatusMap;

/// Who accepts orders and pays.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PartnerResponse {
    pub id: i64,
    pub name: String,
    /// The currency of payouts that name none (ISO 4217).
    pub currency: String,
    /// The partner's word, in lower case → `hold`, `sale`, `rejected`, `trash`, `chargeback` or `rebill`. The common words
    /// are known without it.
    pub status_map: BTreeMap<String, String>,
}

impl From<PartnerRow> for PartnerResponse {
    fn from(row: PartnerRow) -> Self {
        Self { id: row.id, name: row.name, currency: row.currency, status_map: row.status_map.0 }
    }
}

request! {
    /// A partner. In a form, `status_map` is the text of a JSON object.
    pub struct CreatePartnerRequest {
        /// Up to 100 characters; unique without regard to case.
        pub name: Text<100>,
        /// ISO 4217; `USD` unless another is sent.
        pub currency: CurrencyOrDollar,
        /// The partner's word → our group.
        pub status_map: StatusMap,
    }
}

patch! {
    /// What changes.
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
