//! `POST /api/users/logout/`: ends a login of a program and its access tokens at once.

use axum::extract::State;
use axum::http::StatusCode;

use crate::db::audit::Actor;
use crate::http::error::ApiError;
use crate::http::openapi::{Malformed, Unavailable};
use crate::http::request::Body;
use crate::http::state::App;
use crate::users::model::RefreshTokenRequest;

/// Log out
///
/// Ends all tokens of the login to which the refresh token belongs. An unknown token is not an
/// error.
#[utoipa::path(
    post, path = "/api/users/logout/", tag = "users", request_body = RefreshTokenRequest,
    responses((status = 204, description = "Logged out"), Malformed, Unavailable),
    security(()),
)]
pub async fn logout_user(
    State(app): State<App>,
    actor: Actor,
    body: Body<RefreshTokenRequest>,
) -> Result<StatusCode, ApiError> {
    let token = body.checked()?.refresh_token;
    app.tokens.end(&app.postgres, &actor, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
