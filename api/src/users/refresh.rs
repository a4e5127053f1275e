//! `POST /api/users/refresh/`: a refresh token for a new pair.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Actor;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::openapi::{RefreshErrors, Unavailable};
use crate::state::App;
use crate::users::login::TokensResponse;

/// The longest text that could be a refresh token; ours have 43 characters.
const MAX_TOKEN_CHARS: usize = 1000;

/// The newest refresh token of a login.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RefreshTokenRequest {
    pub refresh_token: String,
}

/// Exchange a refresh token
///
/// Each is good for one exchange. One that is used twice was copied: all tokens of that login end.
#[utoipa::path(
    post, path = "/api/users/refresh/", tag = "users", request_body = RefreshTokenRequest,
    responses((status = 200, description = "A new pair", body = TokensResponse), RefreshErrors, Unavailable),
    security(()),
)]
pub async fn refresh_token(
    State(app): State<App>,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Json<TokensResponse>, ApiError> {
    let Some(token) = fields.required_text("refresh_token", MAX_TOKEN_CHARS) else {
        return Err(ApiError::fields(fields.finish().err().unwrap_or_default()));
    };
    let pair = app.tokens.exchange(&app.postgres, &actor, &token).await?;
    Ok(Json(TokensResponse::new("Token refreshed successfully.", pair)))
}
