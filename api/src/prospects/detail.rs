//! `GET /api/prospects/detail/<id>/`: returns all data of a prospect.

use axum::extract::State;
use axum::response::Response;
use uuid::Uuid;

use crate::db::prospects::{self, ProspectDetailRow, shown_ip};
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::prospects::model::ProspectDetailResponse;

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

/// Returns a prospect within the viewer's scope, and that scope.
///
/// # Errors
/// 404 for an invalid or unknown id, or one out of scope, without telling which.
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
