//! The user of a request. Every request reads it from Postgres, so that a deactivation or a new
//! position takes effect at once.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};
use chrono_tz::Tz;
use uuid::Uuid;

use crate::auth::api_token;
use crate::auth::session::{self, Session};
use crate::db::users::{self, ViewerState};
use crate::db::{api_tokens, time_of};
use crate::http::error::ApiError;
use crate::policy::Position;
use crate::state::App;

/// The user of a request.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub id: i64,
    pub username: String,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub position: Position,
    pub time_zone: Tz,
    /// Id and name of the team that a lead leads, or that a buyer is in now.
    pub team: Option<(i64, String)>,
}

impl Viewer {
    /// Returns first and last name, or the username if both are empty.
    #[must_use]
    pub fn display_name(&self) -> String {
        let names = format!("{} {}", self.first_name, self.last_name);
        if names.trim().is_empty() { self.username.clone() } else { names.trim().to_owned() }
    }
}

/// The credential of a request. It may be revoked while the request is in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// The login of a browser, or of a program (a token family).
    Login(Uuid),
    /// An API token.
    ApiToken(i64),
}

impl Credential {
    /// Returns the id of the login, unless the credential is an API token.
    #[must_use]
    pub const fn login(self) -> Option<Uuid> {
        match self {
            Self::Login(id) => Some(id),
            Self::ApiToken(_) => None,
        }
    }

    /// Returns the id of the API token.
    #[must_use]
    pub const fn api_token(self) -> Option<i64> {
        match self {
            Self::Login(_) => None,
            Self::ApiToken(id) => Some(id),
        }
    }
}

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
