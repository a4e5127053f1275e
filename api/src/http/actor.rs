//! The actor of a request, for the audit trail.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::db::audit::Actor;
use crate::http::allowed::Allowed;
use crate::http::client_address::ClientInfo;
use crate::http::middleware::is_api;
use crate::http::state::App;

impl FromRequestParts<App> for Actor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let client = ClientInfo::from_request_parts(parts, app).await?;
        let allowed = parts.extensions.get::<Allowed>();
        let viewer = allowed.map(|allowed| &allowed.viewer);
        // A page may have called the API.
        let is_page = allowed.is_some_and(|allowed| allowed.session.is_some());
        let request_id =
            parts.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        Ok(Self {
            user_id: viewer.map(|viewer| viewer.id),
            username: viewer.map_or_else(|| "anonymous".to_owned(), |viewer| viewer.username.clone()),
            address: client.address.to_string(),
            via: if is_api(parts.uri.path()) && !is_page { "api" } else { "page" },
            request_id: request_id.to_owned(),
        })
    }
}
