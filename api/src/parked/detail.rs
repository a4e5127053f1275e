//! `GET /api/parked/detail/<event id>/`: returns a parked event with its contents.

use axum::Json;
use axum::extract::State;
use uuid::Uuid;

use crate::db::parked::{self, ParkedRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::parked::contents::Contents;
use crate::parked::model::{ParkedDetailResponse, ParkedResponse};

/// Get a parked event
#[utoipa::path(
    get, path = "/api/parked/detail/{id}/", tag = "parked", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The event", body = ParkedDetailResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_parked(
    State(app): State<App>,
    allowed: Allowed,
    PathText(id): PathText,
) -> Result<Json<ParkedDetailResponse>, ApiError> {
    let row = find(&app, &id).await?;
    let contents = Contents::of(allowed.grant, &row);
    Ok(Json(ParkedDetailResponse { event: ParkedResponse::from(&row), contents }))
}

/// Returns a parked event.
///
/// # Errors
/// 404 for an invalid or unknown id.
pub async fn find(app: &App, id: &str) -> Result<ParkedRow, ApiError> {
    let id = id.parse::<Uuid>().map_err(|_| ApiError::not_found())?;
    parked::find(&app.clickhouse, id).await?.ok_or_else(ApiError::not_found)
}
