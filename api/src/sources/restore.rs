//! `POST /api/sources/<id>/restore/`: brings a deleted traffic source back.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::sources::{self, NAME_UNIQUE};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::RemoveErrors;
use crate::http::precondition::versioned;
use crate::http::server_error::constraint_to_conflict;
use crate::http::state::App;
use crate::policy::Resource;
use crate::sources::model::SourceResponse;

/// Restore a deleted traffic source
///
/// 409 if its name was given to another one.
#[utoipa::path(
    post, path = "/api/sources/{id}/restore/", tag = "sources", params(("id" = i64, Path)),
    responses((status = 200, description = "The restored source", body = SourceResponse), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn restore_source(State(app): State<App>, call: Call) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(&app).await?;
    let is_restored = sources::restore(&mut transaction, call.id).await.map_err(constraint_error)?;
    let row = sources::find(&mut *transaction, call.id).await?.filter(|_| is_restored);
    let row = row.ok_or_else(ApiError::not_found)?;
    // The restoration incremented it.
    call.check_version(row.version - 1)?;
    let version = row.version;
    let restored = SourceResponse::from(row);
    call.record(&mut transaction, "restore", Resource::Sources, Diff::created(&restored)).await?;
    transaction.commit().await?;
    Ok(versioned(version, &restored))
}

fn constraint_error(error: sqlx::Error) -> ApiError {
    constraint_to_conflict(error, &[(NAME_UNIQUE, "Another source has this name now. Rename it first.")])
}
