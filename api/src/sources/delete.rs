//! `DELETE /api/sources/delete/<id>/`: archives a traffic source.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::sources;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::policy::Resource;
use crate::sources::model::SourceResponse;

/// Delete a traffic source
///
/// Campaigns with this source keep it.
#[utoipa::path(
    delete, path = "/api/sources/delete/{id}/", tag = "sources", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_source(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = sources::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    sources::archive(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&SourceResponse::from(row));
    call.record(&mut transaction, "delete", Resource::Sources, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
