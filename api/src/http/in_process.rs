//! Calls of the API from within the service. A page is a client of the API on behalf of its viewer,
//! so that pages, forms and CSV files show and do exactly what the API permits.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::idempotency::key::{self, buffer};
use crate::http::state::App;

/// The routes of the API. The guard of a page passes them on to its handler.
#[derive(Clone)]
pub struct ApiRoutes(pub Router);

/// The caller of a call from within. Only this module adds it to a request, and requests from
/// outside have no extensions, so the guard believes it.
#[derive(Clone)]
pub struct OnBehalf(Allowed);

impl OnBehalf {
    /// Returns the caller, for the guard.
    #[must_use]
    pub fn caller(&self) -> &Allowed {
        &self.0
    }
}

/// The API, as the viewer of a page may use it.
#[derive(Clone)]
pub struct Api {
    routes: Router,
    caller: Allowed,
    /// The headers and the peer of the page's request: the audit trail records the client.
    headers: HeaderMap,
    peer: Option<ConnectInfo<SocketAddr>>,
}

/// The response to a successful call.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Null for a response without a body.
    pub body: Value,
    /// The version of the thing, to be sent with a change of it.
    pub version: Option<String>,
    /// The cursor of the next page of a list.
    pub next: Option<String>,
}

/// Something to send with a change.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub body: Value,
    /// The version that the change is based on.
    pub version: Option<String>,
    pub idempotency_key: Option<String>,
}

impl Api {
    /// Returns the caller.
    #[must_use]
    pub fn caller(&self) -> &Allowed {
        &self.caller
    }

    /// Reads something.
    ///
    /// # Errors
    /// The error of the API.
    pub async fn get(&self, path: &str) -> Result<Reply, ApiError> {
        self.call(Method::GET, path, Sent::default()).await
    }

    /// Calls the API. `path` may have a query.
    ///
    /// # Errors
    /// The error of the API.
    pub async fn call(&self, method: Method, path: &str, sent: Sent) -> Result<Reply, ApiError> {
        let body = if sent.body.is_null() { Body::empty() } else { Body::from(sent.body.to_string()) };
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| ApiError::not_found())?;
        *request.headers_mut() = self.headers.clone();
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let headers = request.headers_mut();
        if !sent.body.is_null() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let text = |value: String| HeaderValue::try_from(value).map_err(|_| ApiError::not_found());
        if let Some(version) = sent.version {
            headers.insert(IF_MATCH, text(version)?);
        }
        if let Some(idempotency_key) = sent.idempotency_key {
            headers.insert(key::HEADER, text(idempotency_key)?);
        }
        request.extensions_mut().insert(OnBehalf(self.caller.clone()));
        let Ok(response) = self.routes.clone().oneshot(request).await;
        read(response).await
    }
}

async fn read(response: axum::response::Response) -> Result<Reply, ApiError> {
    if let Some(error) = response.extensions().get::<Arc<ApiError>>() {
        return Err(ApiError::clone(error));
    }
    let (head, bytes) = buffer(response).await?;
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    if !head.status.is_success() {
        // An edge refused a visit or an order.
        return Err(ApiError::of_response(head.status, &bytes));
    }
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|error| ApiError::internal(&error))?
    };
    let next = header(LINK).and_then(|link| {
        let query = link.split_once('?')?.1.split_once('>')?.0;
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "cursor")
            .map(|(_, value)| value.into_owned())
    });
    Ok(Reply { body, version: header(ETAG).map(str::to_owned), next })
}

impl FromRequestParts<App> for Api {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Allowed::from_request_parts(parts, app).await?;
        let routes = parts.extensions.get::<ApiRoutes>().cloned();
        let ApiRoutes(routes) = routes.ok_or_else(|| ApiError::bug("a page without the API"))?;
        let mut headers = parts.headers.clone();
        for name in ["content-type", "content-length", "transfer-encoding", "cookie", "if-match", key::HEADER]
        {
            headers.remove(name);
        }
        Ok(Self { routes, caller, headers, peer: parts.extensions.get().copied() })
    }
}
