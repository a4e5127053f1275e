//! The guard's findings about a request, for its handler: the caller and their permission.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::db::sessions::Session;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::idempotency::key::IdempotencyKey;
use crate::http::notice::Notice;
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
    /// Data of the frame; `None` outside of pages.
    pub surroundings: Option<Arc<Surroundings>>,
}

/// Data of the frame around a page, without the navigation.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// A notice about the change before this page, for example "Saved."
    pub notice: Option<Notice>,
    /// The number of requests for funds that wait for the viewer.
    pub funds_waiting: i64,
    /// The number of parked events that wait.
    pub parked_waiting: u64,
    /// The time of the last stored event; `None` without events or without ClickHouse.
    pub last_event_ms: Option<i64>,
    pub now_ms: i64,
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

    /// Returns whether a field was sent.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.last(name).is_some()
    }

    /// Returns all texts of a repeated field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the last text of a field. A checkbox follows a hidden field with its default.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a field's text, or `stored` if it was not sent.
    #[must_use]
    pub fn text_or<'a>(&'a self, name: &str, stored: &'a str) -> &'a str {
        self.last(name).unwrap_or(stored)
    }

    /// Returns the fields as those of a request of the API.
    #[must_use]
    pub fn fields(&self) -> Fields {
        Fields::of_pairs(self.0.clone())
    }
}

/// The files of a page's form whose token was verified.
#[derive(Debug, Clone, Default)]
pub struct Files(pub(super) Vec<(String, Bytes)>);

impl Files {
    /// Returns the file of a field.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Bytes> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, content)| content.clone())
    }
}

impl Form {
    /// Returns the form without the fields of these names.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }
}

impl From<Form> for Fields {
    /// For the struct that reads the same body of the API.
    fn from(form: Form) -> Self {
        Self::of_pairs(form.0)
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

impl FromRequestParts<App> for Files {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        extension(parts, "a handler takes the files of a route without a form")
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
