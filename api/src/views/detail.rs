//! `GET /api/views/detail/<id>/`: returns a view, with its version as `ETag`.

use axum::extract::State;
use axum::response::Response;

use crate::db::report_views;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::views::model::ViewResponse;

/// Get a view
///
/// The caller's own, or one that was published.
#[utoipa::path(
    get, path = "/api/views/detail/{id}/", tag = "reports", params(("id" = i64, Path)),
    responses((status = 200, description = "The view", body = ViewResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_view(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let user_id = allowed.viewer.id;
    let row = report_views::find(&app.postgres, user_id, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(versioned(row.version, &ViewResponse::of(row, user_id)))
}
