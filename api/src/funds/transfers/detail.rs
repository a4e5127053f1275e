//! `GET /api/funds/transfers/detail/<id>/`.

use axum::Json;
use axum::extract::{Path, State};

use crate::db::funds::entries;
use crate::error::ApiError;
use crate::funds::path_id;
use crate::funds::reach::Reach;
use crate::funds::transfers::FundTransferResponse;
use crate::guard::Allowed;
use crate::openapi::DetailErrors;
use crate::state::App;

/// Show a transfer
#[utoipa::path(
    get, path = "/api/funds/transfers/detail/{id}/", tag = "funds", params(("id" = i64, Path)),
    responses((status = 200, description = "The transfer", body = FundTransferResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_fund_transfer(
    State(app): State<App>,
    allowed: Allowed,
    Path(id): Path<String>,
) -> Result<Json<FundTransferResponse>, ApiError> {
    let id = path_id(&id)?;
    let reach = Reach::of(&app.postgres, &allowed).await?;
    let mut connection = app.postgres.acquire().await?;
    let row = entries::find(&mut connection, id, reach.ids()).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(row.into()))
}
