//! `GET /api/campaigns/detail/<id>/`: returns a campaign, with its version as `ETag`.

use axum::extract::State;
use axum::response::Response;

use crate::campaigns::model::CampaignResponse;
use crate::campaigns::rules::is_in_scope;
use crate::db::campaigns::{self, CampaignRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::versioned;
use crate::http::state::App;

/// Get a campaign
#[utoipa::path(
    get, path = "/api/campaigns/detail/{id}/", tag = "campaigns", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "The campaign", body = CampaignResponse, headers(("ETag" = String, description = "Version of the campaign"))),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_campaign(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let row = find(&app, &allowed, id).await?;
    Ok(versioned(row.version, &CampaignResponse::new(&app.config.edge, &row)))
}

/// Returns a campaign within the viewer's scope.
///
/// # Errors
/// 404 if it does not exist, is deleted or is out of scope.
pub async fn find(app: &App, allowed: &Allowed, id: i64) -> Result<CampaignRow, ApiError> {
    let row = campaigns::find(&app.postgres, id).await?;
    row.filter(|row| is_in_scope(allowed, row)).ok_or_else(ApiError::not_found)
}
