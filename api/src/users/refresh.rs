//! `POST /api/users/refresh/`: exchanges a refresh token for a new pair of tokens.

use axum::Json;
use axum::extract::State;

use crate::db::audit::Actor;
use crate::http::error::ApiError;
use crate::http::openapi::{RefreshErrors, Unavailable};
use crate::http::request::Body;
use crate::http::state::App;
use crate::users::model::{RefreshTokenRequest, TokensResponse};

/// Exchange a refresh token
///
/// A refresh token can be exchanged once. If it is sent a second time, it was copied, and all
/// tokens of that login end.
#[utoipa::path(
    post, path = "/api/users/refresh/", tag = "users", request_body = RefreshTokenRequest,
    responses((status = 200, description = "A new pair of tokens", body = TokensResponse), RefreshErrors, Unavailable),
    security(()),
)]
pub async fn refresh_token(
    State(app): State<App>,
    actor: Actor,
    body: Body<RefreshTokenRequest>,
) -> Result<Json<TokensResponse>, ApiError> {
    let token = body.checked()?.refresh_token;
    let pair = app.tokens.exchange(&app.postgres, &actor, &token).await?;
    Ok(Json(TokensResponse::new("Token refreshed successfully.", pair)))
}
