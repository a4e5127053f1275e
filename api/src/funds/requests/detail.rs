//! `GET /api/funds/requests/detail/<id>/`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::requests;
use crate::error::ApiError;
use crate::funds::reach::Reach;
use crate::funds::requests::FundRequestResponse;
use crate::funds::{answer, path_id};
use crate::guard::Allowed;
use crate::openapi::DetailErrors;
use crate::state::App;

/// Show a request
#[utoipa::path(
    get, path = "/api/funds/requests/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The request; its version in `ETag`", body = FundRequestResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_request(
    State(app): State<App>,
    allowed: Allowed,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let id = path_id(&id)?;
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let row = requests::find(&app.postgres, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(StatusCode::OK, &FundRequestResponse::from(&row), row.version))
}
