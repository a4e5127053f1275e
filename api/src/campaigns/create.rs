//! `POST /api/campaigns/create/`: a campaign with its first tracking key.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{self, Actor, Diff};
use crate::campaigns::rules;
use crate::campaigns::show::CampaignResponse;
use crate::db::{campaigns, tracking_keys};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::policy::Resource;
use crate::state::App;

/// A campaign. Lists are repeated names in a form.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct CreateCampaignRequest {
    /// Up to 100 characters.
    name: String,
    /// The Buyer who runs it. A Buyer's own unless sent; a Team Lead names a member of the own team, an Owner any Buyer.
    user_id: Option<i64>,
    /// A traffic source, whose macros the pixel's URL has.
    source: Option<i64>,
    partner: Option<i64>,
    /// `active` (as it is unless sent) or `paused`.
    state: Option<String>,
    /// Origins of its landing pages.
    sites: Option<Vec<String>>,
    /// Where an order's form may lead to.
    redirects: Option<Vec<String>>,
    /// What an order brings when nothing else says so; no finer than the currency.
    payout: Option<String>,
    /// ISO 4217; `USD` unless another is sent.
    currency: Option<String>,
    tags: Option<Vec<String>>,
}

/// Create a campaign
#[utoipa::path(
    post, path = "/api/campaigns/create/", tag = "campaigns",
    request_body(content(
        (CreateCampaignRequest = "application/json"),
        (CreateCampaignRequest = "application/x-www-form-urlencoded"),
        (CreateCampaignRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created", body = CampaignResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_campaign(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let mut transaction = allowed.begin(&app).await?;
    let wanted = rules::lock_buyer(&mut transaction, &allowed, &mut fields).await?;
    let user_id = rules::buyer(&allowed, wanted, None, &mut fields);
    let new = rules::read(&mut transaction, &mut fields, None).await?;
    fields.finish().map_err(ApiError::fields)?;
    let (Some(new), Some(user_id)) = (new, user_id) else {
        return Err(ApiError::bug("a campaign without errors was not read"));
    };
    let id = campaigns::insert(&mut transaction, &new, user_id).await?;
    tracking_keys::insert(&mut transaction, id).await?;
    let row = campaigns::find(&mut *transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = CampaignResponse::new(&app.config.edge, &row);
    let diff = Diff::created(&made.fields);
    audit::record(&mut transaction, &actor, "create", Resource::Campaigns, id, diff).await?;
    let mut response = versioned(row.version, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
