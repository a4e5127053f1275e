//! Pages of lists: a bare JSON array, and the next page in a `Link` header.

use std::convert::Infallible;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::header::{HOST, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::http::client_address::ClientInfo;
use crate::http::query::{Params, with_param};
use crate::http::state::App;

/// The items of a page, and the cursor of the next page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Creates a page from up to `limit` + 1 rows. `cursor_of` returns the cursor after the last
    /// item.
    pub fn of(mut rows: Vec<T>, limit: u32, cursor_of: impl Fn(&T) -> String) -> Self {
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| is_more).map(cursor_of);
        Self { items: rows, next }
    }

    /// Converts the items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// The URL of a list as the client sent it.
#[derive(Debug, Clone)]
pub struct Listing {
    base: String,
    path: String,
    query: Option<String>,
}

impl FromRequestParts<App> for Listing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let client = ClientInfo::from_request_parts(parts, app).await?;
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let scheme = if client.is_https { "https" } else { "http" };
        // A client without a valid `Host` gets a relative link.
        let base = host
            .map(|host| format!("{scheme}://{host}"))
            .filter(|base| base.parse::<Uri>().is_ok_and(|uri| uri.path() == "/" && uri.query().is_none()))
            .unwrap_or_default();
        let path = parts.uri.path().to_owned();
        Ok(Self { base, path, query: parts.uri.query().map(str::to_owned) })
    }
}

impl Listing {
    /// Parses the parameters.
    #[must_use]
    pub fn params(&self) -> Params {
        Params::parse(self.query.as_deref())
    }

    /// Protocol and host as the client sent them; empty if it sent none.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The query string.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// Returns the response with a page of the list.
    pub fn answer<T: Serialize>(&self, page: &Page<T>) -> Response {
        let mut response = Json(&page.items).into_response();
        if let Some(next) = &page.next {
            let query = with_param(self.query(), "cursor", Some(next));
            let link = format!("<{}{}?{query}>; rel=\"next\"", self.base, self.path);
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().insert(LINK, link);
            }
        }
        response
    }
}
