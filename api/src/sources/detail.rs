//! `GET /api/sources/detail/<id>/`: returns a source, with its version as `ETag`.

use axum::extract::State;
use axum::response::Response;

use crate::db::sources;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::sources::model::SourceResponse;

/// Get a traffic source
#[utoipa::path(
    get, path = "/api/sources/detail/{id}/", tag = "sources", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "The source", body = SourceResponse, headers(("ETag" = String, description = "Version of the source"))),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_source(State(app): State<App>, PathId(id): PathId) -> Result<Response, ApiError> {
    let row = sources::find(&app.postgres, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(versioned(row.version, &SourceResponse::from(row)))
}
