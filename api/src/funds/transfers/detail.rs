//! `GET /api/funds/transfers/detail/<id>/`: returns a transfer.

use axum::Json;
use axum::extract::State;

use crate::db::funds::entries;
use crate::funds::reach::Reach;
use crate::funds::transfers::model::FundTransferResponse;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::DetailErrors;
use crate::http::path_id::PathId;
use crate::http::state::App;

/// Get a transfer
#[utoipa::path(
    get, path = "/api/funds/transfers/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The transfer", body = FundTransferResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_transfer(
    State(app): State<App>,
    allowed: Allowed,
    PathId(id): PathId,
) -> Result<Json<FundTransferResponse>, ApiError> {
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let mut connection = app.postgres.acquire().await?;
    let row = entries::find(&mut connection, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(row.into()))
}
