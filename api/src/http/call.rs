//! The common parts of a request that changes one resource: caller, id and expected version.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use sqlx::PgConnection;

use crate::audit::{self, Actor, Diff};
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::path_id::PathId;
use crate::http::precondition;
use crate::policy::Resource;
use crate::state::App;

/// A request to change the resource with this id.
#[derive(Debug, Clone)]
pub struct Call {
    pub allowed: Allowed,
    pub actor: Actor,
    pub id: i64,
    headers: HeaderMap,
}

impl Call {
    /// Checks `If-Match`, if the request has one, against the current version.
    ///
    /// # Errors
    /// 412 if it names another version.
    pub fn check_version(&self, version: i64) -> Result<(), ApiError> {
        precondition::check_version(&self.headers, version)
    }

    /// Writes a line of the audit trail about the resource, unless nothing changed.
    pub async fn record(
        &self,
        connection: &mut PgConnection,
        verb: &str,
        resource: Resource,
        diff: Diff,
    ) -> sqlx::Result<()> {
        if diff.is_empty() {
            return Ok(());
        }
        audit::record(connection, &self.actor, verb, resource, self.id, diff).await
    }
}

impl FromRequestParts<App> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let allowed = Allowed::from_request_parts(parts, app).await?;
        let Ok(actor) = Actor::from_request_parts(parts, app).await;
        let PathId(id) = PathId::from_request_parts(parts, app).await?;
        Ok(Self { allowed, actor, id, headers: parts.headers.clone() })
    }
}
