//! `DELETE /api/campaigns/delete/<id>/`: archives a campaign and ends its keys at once.

use axum::extract::State;
use axum::http::StatusCode;

use crate::campaigns::model::CampaignFields;
use crate::campaigns::rules::is_in_scope;
use crate::db::audit::Diff;
use crate::db::{campaigns, tracking_keys};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;

/// Delete a campaign
///
/// Its tracking keys expire at once: later events with them are parked. Earlier events keep the
/// campaign.
#[utoipa::path(
    delete, path = "/api/campaigns/delete/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_campaign(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    call.allowed.lock_teams_shared(&mut transaction).await?;
    let row = campaigns::lock_exclusive(&mut transaction, call.id).await?;
    let row = row.filter(|row| is_in_scope(&call.allowed, row)).ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    campaigns::archive(&mut transaction, call.id).await?;
    tracking_keys::expire_with_campaign(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&CampaignFields::from(&row));
    call.record(&mut transaction, "delete", Resource::Campaigns, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
