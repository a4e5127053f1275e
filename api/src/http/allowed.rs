//! The guard's findings about a request, for its handler: the caller and their permission.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::db::sessions::Session;
use crate::http::error::ApiError;
use crate::http::idempotency::key::IdempotencyKey;
use crate::http::state::App;
use crate::policy::Grant;
use crate::viewer::{Credential, Viewer};

/// A caller who has the permission of the route, with its grant.
#[derive(Debug, Clone)]
pub struct Allowed {
    pub viewer: Viewer,
    pub grant: Grant,
    /// The session; only on pages.
    pub session: Option<Session>,
    pub credential: Credential,
    /// The `Idempotency-Key`, on routes that accept one.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The visitor of a public page: the secret from which the form's token is derived.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous {
    pub csrf: [u8; 32],
}

/// The fields of a page's form whose token was verified.
#[derive(Debug, Clone, Default)]
pub struct Form(pub(super) Vec<(String, String)>);

impl Form {
    /// Returns a field's text; empty if it was not sent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl FromRequestParts<App> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        extension(parts, "a handler takes the caller of a public route")
    }
}

impl FromRequestParts<App> for Anonymous {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        extension(parts, "a handler takes the visitor of a route that is not a public page")
    }
}

impl FromRequestParts<App> for Form {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        extension(parts, "a handler takes the form of a route without one")
    }
}

fn extension<T: Clone + Send + Sync + 'static>(parts: &Parts, bug: &'static str) -> Result<T, ApiError> {
    parts.extensions.get::<T>().cloned().ok_or_else(|| ApiError::bug(bug))
}
