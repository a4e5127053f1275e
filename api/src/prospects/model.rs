//! Requests and responses of prospects.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::prospects::{ProspectDetailRow, ProspectRow, VisitRow};
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::json_values;
use crate::http::request::request;
use crate::prospects::fields::{Address, BrowserText};

/// A prospect: one visit to a landing page.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProspectResponse {
    /// A UUIDv7.
    pub id: Uuid,
    pub ip_address: String,
    pub user_agent: String,
    pub referral_source: String,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// The buyer. Null for an event without a buyer.
    pub user_id: Option<u64>,
}

impl From<VisitRow> for ProspectResponse {
    fn from(row: VisitRow) -> Self {
        Self {
            id: row.prospect_id,
            ip_address: json_values::ip(row.ip),
            user_agent: row.user_agent,
            referral_source: row.referrer,
            created_at: json_values::time(row.time_ms),
            user_id: json_values::id(row.user_id),
        }
    }
}

/// A prospect of a list with details.
#[derive(Debug, Serialize)]
pub struct ListedProspectResponse {
    #[serde(flatten)]
    prospect: ProspectResponse,
    country: String,
    /// Reason why the visitor counts as a bot. Empty for a human.
    bot: String,
}

impl From<ProspectRow> for ListedProspectResponse {
    fn from(row: ProspectRow) -> Self {
        Self {
            country: row.country.clone(),
            bot: row.bot.clone(),
            prospect: ProspectResponse::from(VisitRow::from(row)),
        }
    }
}

/// A prospect with all its dimensions. A missing value is an empty text.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProspectDetailResponse {
    #[serde(flatten)]
    pub prospect: ProspectResponse,
    pub team_id: Option<u64>,
    pub campaign_id: Option<u64>,
    /// URL of the landing page.
    pub page: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    /// Reason why the visitor counts as a bot. Empty for a human.
    pub bot: String,
    pub external_id: String,
    pub external_kind: String,
    /// `sub1` to `sub20`, in order.
    pub subs: Vec<String>,
    pub utm_source: String,
    pub utm_medium: String,
    pub utm_campaign: String,
    pub utm_content: String,
    pub utm_term: String,
    pub keyword: String,
    pub creative_id: String,
    pub ad_campaign_id: String,
    pub placement: String,
    /// A decimal number.
    pub cost: String,
    pub currency: String,
    /// Marks: values that were cut or corrected, and macros that the traffic source did not fill
    /// in.
    pub marks: Vec<String>,
}

impl From<&ProspectDetailRow> for VisitRow {
    fn from(row: &ProspectDetailRow) -> Self {
        Self {
            prospect_id: row.prospect_id,
            time_ms: row.time_ms,
            user_id: row.user_id,
            ip: row.ip,
            user_agent: row.user_agent.clone(),
            referrer: row.referrer.clone(),
        }
    }
}

impl From<ProspectDetailRow> for ProspectRow {
    fn from(row: ProspectDetailRow) -> Self {
        Self {
            prospect_id: row.prospect_id,
            time_ms: row.time_ms,
            user_id: row.user_id,
            ip: row.ip,
            user_agent: row.user_agent,
            referrer: row.referrer,
            country: row.country,
            device: row.device,
            os: row.os,
            browser: row.browser,
            bot: row.bot,
        }
    }
}

impl From<ProspectDetailRow> for ProspectDetailResponse {
    fn from(row: ProspectDetailRow) -> Self {
        Self {
            prospect: ProspectResponse::from(VisitRow::from(&row)),
            team_id: json_values::id(row.team_id),
            campaign_id: json_values::id(row.campaign_id),
            page: row.page,
            country: row.country,
            device: row.device,
            os: row.os,
            browser: row.browser,
            bot: row.bot,
            external_id: row.external_id,
            external_kind: row.external_kind,
            subs: row.subs,
            utm_source: row.utm_source,
            utm_medium: row.utm_medium,
            utm_campaign: row.utm_campaign,
            utm_content: row.utm_content,
            utm_term: row.utm_term,
            keyword: row.keyword,
            creative_id: row.creative_id,
            ad_campaign_id: row.ad_campaign_id,
            placement: row.placement,
            cost: json_values::amount(row.cost_micros),
            currency: row.currency,
            marks: row.marks,
        }
    }
}

/// The accepted prospect.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "describes the answer in the OpenAPI document; the edge makes it")]
pub struct CreatedProspectResponse {
    /// Send this as the `prospect_id` of an order.
    id: Uuid,
    ip_address: String,
    user_agent: String,
    referral_source: String,
    user_id: Option<i64>,
    #[schema(format = DateTime)]
    created_at: String,
}

request! {
    /// Edits of a prospect. With PATCH, omitted fields keep their values.
    pub struct UpdateProspectRequest {
        /// IPv4 or IPv6.
        pub ip_address: Option<Address>,
        pub user_agent: Option<BrowserText>,
        pub referral_source: Option<BrowserText>,
        /// The new buyer, also of its orders. Null: nobody.
        pub user_id: Option<Nullable<Key>>,
    }
}
