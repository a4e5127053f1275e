//! `DELETE /api/partners/delete/<id>/`: archives a partner.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Diff;
use crate::db::partners;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::state::App;
use crate::partners::model::PartnerResponse;
use crate::policy::Resource;

/// Delete a partner
///
/// Campaigns with this partner keep it.
#[utoipa::path(
    delete, path = "/api/partners/delete/{id}/", tag = "partners", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_partner(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let row = partners::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    call.check_version(row.version)?;
    partners::archive(&mut transaction, call.id).await?;
    let diff = Diff::deleted(&PartnerResponse::from(row));
    call.record(&mut transaction, "delete", Resource::Partners, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
