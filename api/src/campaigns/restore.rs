//! `POST /api/campaigns/<id>/restore/`: brings a deleted campaign back. Its newest key is valid
//! again, so that landing pages need no change.

use axum::extract::State;
use axum::response::Response;

use crate::campaigns::model::{CampaignFields, CampaignResponse};
use crate::campaigns::rules::is_in_scope;
use crate::db::audit::Diff;
use crate::db::{campaigns, tracking_keys};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::policy::Resource;

/// Restore a deleted campaign
///
/// The tracking key that was its newest is valid again.
#[utoipa::path(
    post, path = "/api/campaigns/{id}/restore/", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored campaign", body = CampaignResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_campaign(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    call.allowed.lock_teams_shared(&mut transaction).await?;
    let row = campaigns::lock_exclusive_archived(&mut transaction, call.id).await?;
    let row = row.filter(|row| is_in_scope(&call.allowed, row)).ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    if !tracking_keys::revive_newest(&mut transaction, call.id).await? {
        tracking_keys::insert(&mut transaction, call.id).await?;
    }
    campaigns::restore(&mut transaction, call.id).await?;
    let row = campaigns::find(&mut *transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let diff = Diff::created(&CampaignFields::from(&row));
    call.record(&mut transaction, "restore", Resource::Campaigns, diff).await?;
    transaction.commit().await?;
    Ok(versioned(row.version, &CampaignResponse::new(&app.config.edge, &row)))
}
