//! `POST /api/campaigns/create/`: creates a campaign with its first tracking key.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::campaigns::model::{CampaignResponse, CreateCampaignRequest};
use crate::campaigns::rules;
use crate::db::{campaigns, tracking_keys};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;

/// Create a campaign
#[utoipa::path(
    post, path = "/api/campaigns/create/", tag = "campaigns",
    request_body = CreateCampaignRequest,
    responses((status = 201, description = "Created", body = CampaignResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_campaign(
    State(app): State<App>,
    call: Call<()>,
    Body { request, mut errors }: Body<CreateCampaignRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let sent = request.user_id.clone();
    let wanted = rules::lock_buyer(&mut transaction, &call.allowed, sent.as_ref()).await?;
    let user_id = rules::buyer(&call.allowed, sent.as_ref(), wanted, None, &mut errors);
    let new = rules::check(&mut transaction, request, None, &mut errors).await?;
    errors.finish()?;
    let user_id = user_id.ok_or_else(|| ApiError::bug("a campaign without errors has no buyer"))?;
    let id = campaigns::insert(&mut transaction, &new, user_id).await?;
    tracking_keys::insert(&mut transaction, id).await?;
    let row = campaigns::find(&mut *transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let made = CampaignResponse::new(&app.config.edge, &row);
    call.record_created(&mut transaction, Resource::Campaigns, id, &made.fields).await?;
    let mut response = versioned(row.version, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
