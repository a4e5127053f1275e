//! `GET /api/prospects/detail/<id>/`: everything that is known of a visit.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::db::prospects::{self, ProspectDetailRow, ProspectRow, VisitRow, shown_ip};
use crate::db::scope::EventScope;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::precondition::versioned;
use crate::prospects::list::ProspectResponse;
use crate::state::App;

/// One visit with all its dimensions. Empty texts are values that the visit did not have.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProspectDetailResponse {
    #[serde(flatten)]
    pub prospect: ProspectResponse,
    pub team_id: Option<u64>,
    pub campaign_id: Option<u64>,
    /// The landing page.
    pub page: String,
    pub country: String,
    pub device: String,
    pub os: String,
    pub browser: String,
    /// Why it is held for a bot; empty for a human.
    pub bot: String,
    pub external_id: String,
    pub external_kind: String,
    /// `sub1` first.
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
    /// What was cut or mended on the way, and which macros came unexpanded.
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

/// Get a prospect
#[utoipa::path(
    get, path = "/api/prospects/detail/{id}/", tag = "prospects", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The prospect", body = ProspectDetailResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_prospect(
    State(app): State<App>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let (row, _) = find(&app, &allowed, &id).await?;
    Ok(versioned(row.version.into(), &ProspectDetailResponse::from(row)))
}

/// The prospect with this id, within the viewer's scope, which comes with it.
///
/// # Errors
/// 404 for an id that is none, nobody's, or out of scope: which of them is not said.
pub async fn find(
    app: &App,
    allowed: &Allowed,
    id: &str,
) -> Result<(ProspectDetailRow, EventScope), ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let found = prospects::find(&app.clickhouse, &scope, id).await?.ok_or_else(ApiError::not_found)?;
    let ip = shown_ip(found.ip, allowed.grant);
    Ok((ProspectDetailRow { ip, ..found }, scope))
}
