//! `POST /api/users/logout/`: ends a login of a program, its access tokens included, at once.

use axum::extract::State;
use axum::http::StatusCode;

use crate::audit::Actor;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::openapi::{Malformed, Unavailable};
use crate::state::App;
use crate::users::refresh::RefreshTokenRequest;

/// The longest text that could be a refresh token; ours have 43 characters.
const MAX_TOKEN_CHARS: usize = 1000;

/// Log out
///
/// Ends all tokens of the login that the refresh token belongs to. One that is unknown has nothing to end.
#[utoipa::path(
    post, path = "/api/users/logout/", tag = "users", request_body = RefreshTokenRequest,
    responses((status = 204, description = "Ended"), Malformed, Unavailable),
    security(()),
)]
pub async fn logout_user(
    State(app): State<App>,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<StatusCode, ApiError> {
    let Some(token) = fields.required_text("refresh_token", MAX_TOKEN_CHARS) else {
        return Err(ApiError::fields(fields.finish().err().unwrap_or_default()));
    };
    app.tokens.end(&app.postgres, &actor, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
