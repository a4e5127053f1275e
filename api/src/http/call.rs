//! The context of a change: who asks, about which thing, and which version of it they read.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::Serialize;
use sqlx::PgConnection;

use crate::db::audit::{self, Actor, Diff};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::path_id::{PathId, PathText};
use crate::http::precondition;
use crate::http::state::App;
use crate::policy::Resource;

/// A request to change the thing that the path names; `Call<()>` where the path names none.
#[derive(Debug, Clone)]
pub struct Call<Id = i64> {
    pub allowed: Allowed,
    pub actor: Actor,
    pub id: Id,
    pub headers: HeaderMap,
}

impl<Id> Call<Id> {
    /// Checks that the client read this version of the thing, if it sent the version it read.
    ///
    /// # Errors
    /// 412 for another version.
    pub fn check_version(&self, version: i64) -> Result<(), ApiError> {
        precondition::check_version(&self.headers, version)
    }

    /// Writes that a thing was created to the audit trail.
    pub async fn record_created(
        &self,
        connection: &mut PgConnection,
        resource: Resource,
        id: i64,
        made: &impl Serialize,
    ) -> sqlx::Result<()> {
        audit::record(connection, &self.actor, "create", resource, id, Diff::created(made)).await
    }
}

impl Call<()> {
    /// The same request about the caller's own account.
    #[must_use]
    pub fn about_oneself(self) -> Call {
        Call { id: self.allowed.viewer.id, allowed: self.allowed, actor: self.actor, headers: self.headers }
    }
}

impl Call {
    /// Writes a change of the thing to the audit trail, unless it changes nothing.
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

/// An entity that the path of a request names.
pub trait Named: Sized {
    /// Reads it from the path.
    fn read(parts: &mut Parts, app: &App) -> impl Future<Output = Result<Self, ApiError>> + Send;
}

impl Named for () {
    async fn read(_parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        Ok(())
    }
}

impl Named for i64 {
    async fn read(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        PathId::from_request_parts(parts, app).await.map(|PathId(id)| id)
    }
}

impl Named for String {
    async fn read(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        PathText::from_request_parts(parts, app).await.map(|PathText(text)| text)
    }
}

impl<Id: Named> FromRequestParts<App> for Call<Id> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let allowed = Allowed::from_request_parts(parts, app).await?;
        let Ok(actor) = Actor::from_request_parts(parts, app).await;
        let id = Id::read(parts, app).await?;
        Ok(Self { allowed, actor, id, headers: parts.headers.clone() })
    }
}
