//! `POST /api/users/logout/`: ends a login of a program, its access tokens included, at once.

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
/// Ends all tokens of the login that the refresh token belongs to. One that is unknown has nothing to end.
#[utoipa::path(
    post, path = "/api/users/logout/", tag = "users", request_body = RefreshTokenRequest,
    responses((status = 204, description = "Ended"), Malformed, Unavailable),
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
