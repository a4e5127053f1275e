//! `PUT` and `PATCH /api/campaigns/update/<id>/`. Another `user_id` hands the campaign over: what it brought until now stays
//! with whom it was brought by. It stays whose it is unless one is sent, by PUT too.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Diff;
use crate::campaigns::create::CreateCampaignRequest;
use crate::campaigns::rules;
use crate::campaigns::show::{CampaignFields, CampaignResponse};
use crate::db::campaigns;
use crate::http::body::Posted;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::policy::Resource;
use crate::state::App;

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdateCampaignRequest {
    name: Option<String>,
    /// The Buyer who runs it from now on.
    user_id: Option<i64>,
    source: Option<i64>,
    partner: Option<i64>,
    state: Option<String>,
    sites: Option<Vec<String>>,
    redirects: Option<Vec<String>>,
    payout: Option<String>,
    currency: Option<String>,
    tags: Option<Vec<String>>,
}

/// Replace a campaign
#[utoipa::path(
    put, path = "/api/campaigns/update/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    request_body(content(
        (CreateCampaignRequest = "application/json"),
        (CreateCampaignRequest = "application/x-www-form-urlencoded"),
        (CreateCampaignRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The campaign as it is now", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_campaign(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, false).await
}

/// Diff a campaign
#[utoipa::path(
    patch, path = "/api/campaigns/update/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    request_body(content(
        (UpdateCampaignRequest = "application/json"),
        (UpdateCampaignRequest = "application/x-www-form-urlencoded"),
        (UpdateCampaignRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The campaign as it is now", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_campaign(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, true).await
}

async fn change(app: &App, call: &Call, mut fields: Fields, is_partial: bool) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let wanted = rules::lock_buyer(&mut transaction, &call.allowed, &mut fields).await?;
    let before = campaigns::lock_exclusive(&mut transaction, call.id).await?;
    let before =
        before.filter(|row| rules::is_in_scope(&call.allowed, row)).ok_or_else(ApiError::not_found)?;
    call.check_version(before.version)?;
    let user_id = rules::buyer(&call.allowed, wanted, Some(before.user_id), &mut fields);
    if is_partial {
        fields.fill_from(&CampaignFields::from(&before));
    }
    let new = rules::read(&mut transaction, &mut fields, Some(&before)).await?;
    fields.finish().map_err(ApiError::fields)?;
    let (Some(new), Some(user_id)) = (new, user_id) else {
        return Err(ApiError::bug("a campaign without errors was not read"));
    };
    if user_id != before.user_id {
        campaigns::hand_over(&mut transaction, call.id, user_id).await?;
    }
    campaigns::update(&mut transaction, call.id, &new).await?;
    let after = campaigns::find(&mut *transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let diff = Diff::updated(&CampaignFields::from(&before), &CampaignFields::from(&after));
    if diff.is_empty() {
        // Nothing was written: the version stays what it was.
        transaction.rollback().await?;
        return Ok(versioned(before.version, &CampaignResponse::new(&app.config.edge, &before)));
    }
    call.record(&mut transaction, "update", Resource::Campaigns, diff).await?;
    transaction.commit().await?;
    Ok(versioned(after.version, &CampaignResponse::new(&app.config.edge, &after)))
}
