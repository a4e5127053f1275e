//! `PUT` and `PATCH /api/campaigns/update/<id>/`.
//!
//! Another `user_id` hands the campaign over. Earlier events stay with the previous buyer. Omitting
//! `user_id` keeps the current buyer, even with PUT.

use axum::extract::State;
use axum::response::Response;

use crate::campaigns::model::{
    CampaignFields, CampaignResponse, CreateCampaignRequest, UpdateCampaignRequest,
};
use crate::campaigns::rules;
use crate::db::audit::Diff;
use crate::db::campaigns;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::keys::Key;
use crate::http::fields::options::Nullable;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Replace a campaign
///
/// Omitting `user_id` keeps the current buyer. Earlier events stay with the previous buyer.
#[utoipa::path(
    put, path = "/api/campaigns/update/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    request_body = CreateCampaignRequest,
    responses((status = 200, description = "The updated campaign", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_campaign(
    State(app): State<App>,
    call: Call,
    body: Body<CreateCampaignRequest>,
) -> Result<Response, ApiError> {
    let user_id = body.request.user_id.clone();
    change(&app, &call, user_id, |_| body).await
}

/// Update a campaign
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/campaigns/update/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    request_body = UpdateCampaignRequest,
    responses((status = 200, description = "The updated campaign", body = CampaignResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_campaign(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateCampaignRequest>,
) -> Result<Response, ApiError> {
    let user_id = patch.request.peek("user_id");
    change(&app, &call, user_id, |now| patch.request.onto(now)).await
}

/// `sent` is the buyer, who is locked before the campaign.
async fn change(
    app: &App,
    call: &Call,
    sent: Option<Nullable<Key>>,
    body: impl FnOnce(&CampaignFields) -> Body<CreateCampaignRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let wanted = rules::lock_buyer(&mut transaction, &call.allowed, sent.as_ref()).await?;
    let before = campaigns::lock_exclusive(&mut transaction, call.id).await?;
    let before =
        before.filter(|row| rules::is_in_scope(&call.allowed, row)).ok_or_else(ApiError::not_found)?;
    call.check_version(before.version)?;
    let Body { request, mut errors } = body(&CampaignFields::from(&before));
    let user_id = rules::buyer(&call.allowed, sent.as_ref(), wanted, Some(&before), &mut errors);
    let new = rules::check(&mut transaction, request, Some(&before), &mut errors).await?;
    errors.finish()?;
    let user_id = user_id.ok_or_else(|| ApiError::bug("a campaign without errors has no buyer"))?;
    if user_id != before.user_id {
        campaigns::hand_over(&mut transaction, call.id, user_id).await?;
    }
    campaigns::update(&mut transaction, call.id, &new).await?;
    let after = campaigns::find(&mut *transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let diff = Diff::updated(&CampaignFields::from(&before), &CampaignFields::from(&after));
    if diff.is_empty() {
        // The update changed nothing: undo its increment of the version.
        transaction.rollback().await?;
        return Ok(versioned(before.version, &CampaignResponse::new(&app.config.edge, &before)));
    }
    call.record(&mut transaction, "update", Resource::Campaigns, diff).await?;
    transaction.commit().await?;
    Ok(versioned(after.version, &CampaignResponse::new(&app.config.edge, &after)))
}
