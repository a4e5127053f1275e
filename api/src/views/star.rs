//! `POST /api/views/<id>/star/` and `…/unstar/`: the view that `/reports/` starts with.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::report_views;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::state::App;

/// Start with a view
///
/// `/reports/` without parameters shows it. Another starred view loses its star.
#[utoipa::path(
    post, path = "/api/views/{id}/star/", tag = "reports", params(("id" = i64, Path)),
    responses((status = 204, description = "Starred"), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn star_view(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let viewer_id = call.allowed.viewer.id;
    let mut transaction = call.allowed.begin(&app).await?;
    let row =
        report_views::lock(&mut transaction, viewer_id, call.id).await?.ok_or_else(ApiError::not_found)?;
    report_views::star(&mut transaction, viewer_id, Some(row.id)).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start with no view
///
/// Removes the star of the view.
#[utoipa::path(
    post, path = "/api/views/{id}/unstar/", tag = "reports", params(("id" = i64, Path)),
    responses((status = 204, description = "Not starred"), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn unstar_view(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let viewer_id = call.allowed.viewer.id;
    let mut transaction = call.allowed.begin(&app).await?;
    let row =
        report_views::lock(&mut transaction, viewer_id, call.id).await?.ok_or_else(ApiError::not_found)?;
    if row.is_starred {
        report_views::star(&mut transaction, viewer_id, None).await?;
    }
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
