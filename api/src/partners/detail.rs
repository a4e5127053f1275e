//! `GET /api/partners/detail/<id>/`: returns a partner, with its version as `ETag`.

use axum::extract::State;
use axum::response::Response;

use crate::db::partners;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::versioned;
use crate::http::state::App;
use crate::partners::model::PartnerResponse;

/// Get a partner
#[utoipa::path(
    get, path = "/api/partners/detail/{id}/", tag = "partners", params(("id" = i64, Path)),
    responses(
        (status = 200, description = "The partner", body = PartnerResponse, headers(("ETag" = String, description = "Version of the partner"))),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_partner(State(app): State<App>, PathId(id): PathId) -> Result<Response, ApiError> {
    let row = partners::find(&app.postgres, id).await?.ok_or_else(ApiError::not_found)?;
    Ok(versioned(row.version, &PartnerResponse::from(row)))
}
