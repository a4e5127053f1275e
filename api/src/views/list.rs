//! `GET /api/views/list/`: lists views.

use axum::Json;
use axum::extract::State;

use crate::db::report_views;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::state::App;
use crate::views::model::ViewResponse;

/// List views
///
/// The caller's own and those that were published.
#[utoipa::path(
    get, path = "/api/views/list/", tag = "reports",
    responses((status = 200, description = "Views by name", body = Vec<ViewResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_views(
    State(app): State<App>,
    allowed: Allowed,
) -> Result<Json<Vec<ViewResponse>>, ApiError> {
    let user_id = allowed.viewer.id;
    let rows = report_views::list(&app.postgres, user_id).await?;
    Ok(Json(rows.into_iter().map(|row| ViewResponse::of(row, user_id)).collect()))
}
