//! `POST /api/partners/<id>/restore/`: brings a deleted partner back.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::partners::{self, NAME_UNIQUE};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::precondition::versioned;
use crate::http::server_error::constraint_to_conflict;
use crate::http::state::App;
use crate::partners::model::PartnerResponse;
use crate::policy::Resource;

/// Restore a deleted partner
///
/// 409 if its name was given to another one.
#[utoipa::path(
    post, path = "/api/partners/{id}/restore/", tag = "partners", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored partner", body = PartnerResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_partner(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let is_restored = partners::restore(&mut transaction, call.id).await.map_err(constraint_error)?;
    let row = partners::find(&mut *transaction, call.id).await?.filter(|_| is_restored);
    let row = row.ok_or_else(ApiError::not_found)?;
    // The restoration incremented it.
    call.check_version(row.version - 1)?;
    let version = row.version;
    let restored = PartnerResponse::from(row);
    call.record(&mut transaction, "restore", Resource::Partners, Diff::created(&restored)).await?;
    transaction.commit().await?;
    Ok(versioned(version, &restored))
}

fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_conflict(error, &[(NAME_UNIQUE, "Another partner has this name now. Rename it first.")])
}
