//! The JSON of a campaign: its fields, its tracking keys, and the code for landing pages and
//! networks.

use std::fmt::Write as _;

use serde::Serialize;
use utoipa::ToSchema;

use crate::amount;
use crate::campaigns::field_types::{CampaignState, Redirects, Sites};
use crate::config::EdgeConfig;
use crate::db::campaigns::CampaignRow;
use crate::db::tracking_keys::KeyRow;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::fields::types::{CurrencyOrDollar, Text, Texts, WholeNumber};
use crate::http::json_values;
use crate::http::request::{patch, request};
use crate::snippet::Snippet;
use sluice_schemas::decimal::Decimal;

/// Fields of a campaign that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CampaignFields {
    pub name: String,
    /// The Buyer who runs it now.
    pub user_id: i64,
    /// Id of the traffic source.
    pub source: Option<i64>,
    /// Id of the partner.
    pub partner: Option<i64>,
    /// `active` or `paused`.
    pub state: String,
    /// Origins of its landing pages, at most 50, for example `https://shop.example`.
    pub sites: Vec<String>,
    /// URLs to which an order form may redirect.
    pub redirects: Vec<String>,
    /// Payout of an order without its own payout, as a decimal number.
    pub payout: Option<String>,
    /// ISO 4217 code.
    pub currency: String,
    pub tags: Vec<String>,
}

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignResponse {
    pub id: i64,
    #[serde(flatten)]
    pub fields: CampaignFields,
    /// The newest valid key, for new landing pages.
    pub tracking_key: Option<String>,
    /// Valid keys first, then expired ones; at most 100.
    pub tracking_keys: Vec<TrackingKeyResponse>,
    /// URL of the pixel alone, with the macros of the source.
    pub pixel_url: Option<String>,
    /// HTML for landing pages. It sends the visit and fills in the hidden fields of the order form.
    pub snippet: Option<String>,
    /// HTML of an order form.
    pub form_code: Option<String>,
    /// Only in lists of deleted campaigns.
    #[schema(format = DateTime)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
}

/// A tracking key of a campaign.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackingKeyResponse {
    pub key: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Later events with the key are parked. Null: the key does not expire.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

impl From<&CampaignRow> for CampaignFields {
    fn from(row: &CampaignRow) -> Self {
        Self {
            name: row.name.clone(),
            user_id: row.user_id,
            source: row.source_id,
            partner: row.partner_id,
            state: row.state.clone(),
            sites: row.sites.clone(),
            redirects: row.redirects.clone(),
            payout: row.payout_minor.map(|minor| amount::show(minor, &row.currency)),
            currency: row.currency.clone(),
            tags: row.tags.clone(),
        }
    }
}

impl From<&KeyRow> for TrackingKeyResponse {
    fn from(row: &KeyRow) -> Self {
        Self {
            key: row.key.clone(),
            created_at: json_values::time(row.created_at.timestamp_millis()),
            expires_at: row.expires_at.map(|end| json_values::time(end.timestamp_millis())),
        }
    }
}

impl CampaignResponse {
    /// Makes the response, with the newest valid key in the code.
    #[must_use]
    pub fn new(edge: &EdgeConfig, row: &CampaignRow) -> Self {
        let key = row.keys.iter().find(|key| key.is_valid).map(|row| row.key.as_str());
        let redirect = row.redirects.first().map(String::as_str);
        let code = key.map(|key| Snippet::of_campaign(edge, key, redirect));
        Self {
            id: row.id,
            fields: CampaignFields::from(row),
            tracking_key: key.map(str::to_owned),
            tracking_keys: row.keys.iter().map(TrackingKeyResponse::from).collect(),
            pixel_url: key.map(|key| pixel_url(edge, key, row)),
            snippet: code.as_ref().map(|code| code.pixel.clone()),
            form_code: code.map(|code| code.form),
            archived_at: json_values::optional_time(row.archived_at),
        }
    }
}

/// Returns the URL of the pixel. Macros are not encoded, since the network searches for their exact
/// text.
fn pixel_url(edge: &EdgeConfig, key: &str, row: &CampaignRow) -> String {
    let mut url = format!("{}/p.gif?k={key}", edge.public_base());
    for (parameter, text) in row.macros.iter() {
        write!(url, "&{parameter}={text}").expect("writing into memory cannot fail");
    }
    url
}

request! {
    /// A new campaign. A form sends a list as a repeated field.
    pub struct CreateCampaignRequest {
        /// Up to 100 characters.
        pub name: Text<100>,
        /// The Buyer who runs it. A Buyer may omit this. A Team Lead names a member of their team,
        /// an Owner any Buyer.
        pub user_id: Option<Nullable<Key>>,
        /// Id of a traffic source. The pixel's URL contains its macros.
        pub source: Option<Nullable<Key>>,
        pub partner: Option<Nullable<Key>>,
        /// `active` (the default) or `paused`.
        pub state: CampaignState,
        /// Origins of its landing pages, at most 50, for example `https://shop.example`.
        pub sites: Sites,
        /// URLs to which an order form may redirect.
        pub redirects: Redirects,
        /// Payout of an order without its own payout: a decimal number with no more decimal places
        /// than the currency has.
        pub payout: Nullable<Decimal>,
        /// ISO 4217 code. The default is `USD`.
        pub currency: CurrencyOrDollar,
        pub tags: Texts<20, 50>,
    }
}

patch! {
    /// Changes of a campaign. Omitted fields keep their values.
    pub struct UpdateCampaignRequest of CreateCampaignRequest;
}

request! {
    /// Grace time of a rotation.
    pub struct RotateCampaignKeyRequest {
        /// Hours for which the present keys stay valid, at most 720. The default is 72.
        pub grace_hours: GraceHours,
    }
}

request! {
    /// The key to revoke.
    pub struct RevokeCampaignKeyRequest {
        pub key: Text<100>,
    }
}

/// Hours for which old keys stay valid: at most 30 days. The default is long enough for a weekend.
pub type GraceHours = WholeNumber<0, 720, 72>;
