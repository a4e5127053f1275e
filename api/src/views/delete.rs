//! `DELETE /api/views/delete/<id>/`: deletes a view.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::report_views;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;
use crate::views::model::ViewResponse;

/// Delete a view
///
/// Only the caller's own. A published view is gone for everybody.
#[utoipa::path(
    delete, path = "/api/views/delete/{id}/", tag = "reports", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_view(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let viewer_id = call.allowed.viewer.id;
    let mut transaction = call.allowed.begin(&app).await?;
    let row = report_views::lock(&mut transaction, viewer_id, call.id).await?;
    let row = row.filter(|row| row.user_id == viewer_id).ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    report_views::delete(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&ViewResponse::of(row, viewer_id));
    call.record(&mut transaction, "delete", Resource::Figures, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
