//! `GET /api/funds/accounts/detail/<id>/`: returns an ad account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::funds::accounts;
use crate::funds::accounts::model::FundAccountResponse;
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;

/// Get an ad account
#[utoipa::path(
    get, path = "/api/funds/accounts/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The account, with its version as `ETag`", body = FundAccountResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_account(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let row = accounts::find(&app.postgres, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    Ok(answer(StatusCode::OK, &FundAccountResponse::from(&row), row.version))
}
