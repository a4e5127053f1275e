//! The user behind the credential of a request. Every request reads it from Postgres, so that a
//! deactivation or a new position takes effect at once.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};

use crate::db::sessions::Session;
use crate::db::users::{self, ViewerState};
use crate::db::{api_tokens, time_of};
use crate::http::auth::api_token;
use crate::http::auth::session;
use crate::http::error::ApiError;
use crate::http::state::App;
use crate::viewer::{Credential, Viewer};

/// The user and the credential of a bearer token.
#[derive(Debug, Clone)]
pub struct Bearer {
    pub viewer: Viewer,
    pub credential: Credential,
}

/// Authenticates an `Authorization: Bearer` header; `None` if there is no such header.
///
/// # Errors
/// 401 for a header or token that is not valid, 403 for a change with an API token that may only
/// read.
pub async fn from_bearer(
    app: &App,
    headers: &HeaderMap,
    method: &Method,
) -> Result<Option<Bearer>, ApiError> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let header = header.to_str().map_err(|_| ApiError::token_not_valid())?;
    let mut words = header.split_whitespace();
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return Ok(None);
    }
    let (Some(token), None) = (words.next(), words.next()) else {
        return Err(ApiError::bad_authorization());
    };
    if api_token::is_api_token(token) {
        return from_api_token(app, token, method).await.map(Some);
    }
    let claims = app.tokens.read_access(token).ok_or_else(ApiError::token_not_valid)?;
    let found = users::find_viewer(&app.postgres, claims.user_id, Some(claims.sid)).await?;
    let viewer = check_valid(found)?;
    Ok(Some(Bearer { viewer, credential: Credential::Login(claims.sid) }))
}

async fn from_api_token(app: &App, token: &str, method: &Method) -> Result<Bearer, ApiError> {
    let hash = api_token::hash(token).ok_or_else(ApiError::token_not_valid)?;
    let token = api_tokens::find(&app.postgres, &hash, time_of(&app.clock)).await?;
    let token = token.ok_or_else(ApiError::token_not_valid)?;
    let viewer = check_valid(users::find_viewer(&app.postgres, token.user_id, None).await?)?;
    if !token.may_write && !method.is_safe() {
        return Err(ApiError::token_only_reads());
    }
    Ok(Bearer { viewer, credential: Credential::ApiToken(token.id) })
}

fn check_valid(found: Option<ViewerState>) -> Result<Viewer, ApiError> {
    let found = found.ok_or_else(ApiError::user_not_found)?;
    if !found.is_active {
        return Err(ApiError::user_inactive());
    }
    if !found.is_family_valid {
        return Err(ApiError::token_not_valid());
    }
    Ok(found.viewer)
}

/// Authenticates the session cookie; `None` if there is no valid session.
pub async fn from_session(app: &App, headers: &HeaderMap) -> Result<Option<(Viewer, Session)>, ApiError> {
    let Some(session) = session::find(&app.postgres, &app.clock, headers).await? else { return Ok(None) };
    let found = users::find_viewer(&app.postgres, session.user_id, None).await?;
    Ok(found.filter(|found| found.is_active).map(|found| (found.viewer, session)))
}
