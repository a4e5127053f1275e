//! `GET /api/funds/requests/detail/<id>/`: returns a request.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::requests;
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::funds::requests::model::FundRequestResponse;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;

/// Get a request
#[utoipa::path(
    get, path = "/api/funds/requests/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The request, with its version as `ETag`", body = FundRequestResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_request(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let row = requests::find(&app.postgres, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(StatusCode::OK, &FundRequestResponse::from(&row), row.version))
}
