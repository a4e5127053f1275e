//! Runs before every handler: authenticates the caller and asks the policy. A route cannot be
//! listed without a [`Rule`]. A handler that needs a caller takes [`Allowed`], which only this
//! module creates.
//!
//! The guard also checks the forms of pages: no handler of a change runs before the form's token
//! was verified.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequestParts as _, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::db::waiting;
use crate::http::allowed::{Allowed, Anonymous, Files, Form, Surroundings};
use crate::http::auth::credentials::{self, Bearer};
use crate::http::auth::session::{self, ANONYMOUS_COOKIE_NAME};
use crate::http::auth::{csrf, random_secret};
use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, KeyMode};
use crate::http::in_process::OnBehalf;
use crate::http::middleware::is_api;
use crate::http::notice;
use crate::http::page::{Frame, PageError, Section, Shown};
use crate::http::state::App;
use crate::policy::{self, Action, Grant, Resource, Scope};
use crate::viewer::{Credential, Viewer};

/// The largest form with files: an image, or a file of transfers.
const MAX_UPLOAD_BYTES: usize = 2 * 1024 * 1024 + body::MAX_BYTES;

/// The condition of a route.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Open to everybody, for this reason.
    Public(&'static str),
    /// Needs this permission.
    Asks(Action, Resource),
    /// Needs this permission and a login with a password. An API token must not create another
    /// token, or lock out its own user.
    AsksPerson(Action, Resource),
}

impl Rule {
    /// Returns the permission to ask the policy for.
    #[must_use]
    pub const fn question(self) -> Option<(Action, Resource)> {
        match self {
            Self::Public(_) => None,
            Self::Asks(action, resource) | Self::AsksPerson(action, resource) => Some((action, resource)),
        }
    }
}

/// The kind of clients of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Bearer tokens and JSON.
    Api,
    /// Cookies and HTML.
    Page,
    /// Files, the same for everybody. Without cookies, so that caches may store them.
    File,
}

/// The state of the guard of one route.
#[derive(Clone)]
pub struct Guard {
    pub app: App,
    pub surface: Surface,
    pub rule: Rule,
    /// How the route handles an `Idempotency-Key`; `None`: it ignores the header.
    pub key_mode: Option<KeyMode>,
}

/// The middleware of a route.
pub async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.surface {
        Surface::Api => match check_api(&guard, request).await {
            Ok(request) => {
                answer_api(&guard, request, next).await.unwrap_or_else(IntoResponse::into_response)
            }
            Err(error) => error.into_response(),
        },
        Surface::File => next.run(request).await,
        Surface::Page => {
            check_page(&guard, request, next).await.unwrap_or_else(|error| error.into_response())
        }
    }
}

async fn answer_api(guard: &Guard, request: Request, next: Next) -> Result<Response, ApiError> {
    match guard.key_mode {
        Some(mode) => idempotency::run(&guard.app, mode, request, next).await,
        None => Ok(next.run(request).await),
    }
}

/// Counts a request against its address, before it costs anything.
async fn count_address(app: &App, request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let Ok(client) = ClientInfo::from_request_parts(&mut parts, app).await;
    app.limits.requests_by_address.count(&client.limit_key())?;
    Ok(Request::from_parts(parts, body))
}

async fn check_api(guard: &Guard, mut request: Request) -> Result<Request, ApiError> {
    if let Some(inside) = request.extensions_mut().remove::<OnBehalf>() {
        return check_call_from_page(guard, request, inside.caller());
    }
    let mut request = count_address(&guard.app, request).await?;
    if let Some((action, resource)) = guard.rule.question() {
        let bearer = credentials::from_bearer(&guard.app, request.headers(), request.method()).await?;
        let Bearer { viewer, credential } = bearer.ok_or_else(ApiError::not_authenticated)?;
        guard.app.limits.requests_by_token.count(&credential)?;
        let grant = policy::decide(viewer.position, action, resource).ok_or_else(ApiError::forbidden)?;
        if credential.login().is_none() && matches!(guard.rule, Rule::AsksPerson(..)) {
            return Err(ApiError::login_needed());
        }
        request.extensions_mut().insert(Allowed {
            viewer,
            grant,
            session: None,
            credential,
            idempotency_key: None,
            surroundings: None,
        });
    }
    Ok(request)
}

/// Checks a call from within, whose caller has been authenticated and counted.
fn check_call_from_page(guard: &Guard, mut request: Request, caller: &Allowed) -> Result<Request, ApiError> {
    if let Some((action, resource)) = guard.rule.question() {
        let grant =
            policy::decide(caller.viewer.position, action, resource).ok_or_else(ApiError::forbidden)?;
        request.extensions_mut().insert(Allowed { grant, idempotency_key: None, ..caller.clone() });
    }
    Ok(request)
}

async fn check_page(guard: &Guard, request: Request, next: Next) -> Result<Response, PageError> {
    let request = count_address(&guard.app, request).await?;
    let is_change = !request.method().is_safe();
    let Some((action, resource)) = guard.rule.question() else {
        return check_public_page(guard, request, next).await;
    };
    let Some((viewer, session)) = credentials::from_session(&guard.app, request.headers()).await? else {
        // After the login the browser can only open a page again, not repeat a change.
        let target =
            if is_change { "/" } else { request.uri().path_and_query().map_or("/", |path| path.as_str()) };
        return Ok(to_login(target));
    };
    let credential = Credential::Login(session.id);
    guard.app.limits.requests_by_token.count(&credential)?;
    let notice = notice::read(request.headers());
    let surroundings = surroundings(&guard.app, &viewer, notice.clone()).await?;
    let request_id = request_id(request.headers());
    let csrf = session.csrf;
    let mut allowed = Allowed {
        viewer,
        grant: NOTHING,
        session: Some(session),
        credential,
        idempotency_key: None,
        surroundings: Some(Arc::new(surroundings)),
    };
    let answered = match policy::decide(allowed.viewer.position, action, resource) {
        None => Err(ApiError::forbidden()),
        Some(grant) => {
            allowed.grant = grant;
            if is_change {
                check_form(request, &guard.app, &csrf, MAX_UPLOAD_BYTES).await
            } else {
                Ok(request)
            }
        }
    };
    let mut response = match answered {
        Ok(mut checked) => {
            checked.extensions_mut().insert(allowed.clone());
            next.run(checked).await
        }
        Err(error) => PageError::from(error).into_response(),
    };
    if let Some(error) = response.extensions().get::<Shown>().cloned() {
        response = error.in_frame(Frame::new(&allowed, Section::None), &request_id);
    }
    if notice.is_some() && !response.status().is_redirection() {
        notice::clear(&mut response);
    }
    Ok(response)
}

/// Answers requests without a route; pages in the frame of a person who is logged in.
pub async fn not_found(app: App, request: Request) -> Response {
    if is_api(request.uri().path()) {
        return ApiError::not_found().into_response();
    }
    let response = PageError::from(ApiError::not_found()).into_response();
    let shown = response.extensions().get::<Shown>().cloned();
    match (frame_of(&app, request).await, shown) {
        (Ok(Some(frame)), Some(error)) => error.in_frame(frame, ""),
        _ => response,
    }
}

/// Returns the frame of the person whose session a request carries.
async fn frame_of(app: &App, request: Request) -> Result<Option<Frame>, ApiError> {
    let request = count_address(app, request).await?;
    let Some((viewer, session)) = credentials::from_session(app, request.headers()).await? else {
        return Ok(None);
    };
    let surroundings = surroundings(app, &viewer, None).await?;
    let allowed = Allowed {
        viewer,
        grant: NOTHING,
        credential: Credential::Login(session.id),
        session: Some(session),
        idempotency_key: None,
        surroundings: Some(Arc::new(surroundings)),
    };
    Ok(Some(Frame::new(&allowed, Section::None)))
}

/// The grant before the policy was asked: no rows.
const NOTHING: Grant = Grant { scope: Scope::Own, customer_data: false };

fn request_id(headers: &HeaderMap) -> String {
    headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

/// Loads what the frame shows besides the navigation.
async fn surroundings(app: &App, viewer: &Viewer, notice: Option<String>) -> Result<Surroundings, ApiError> {
    let events = app.freshness.read(&app.clickhouse).await;
    Ok(Surroundings {
        notice,
        funds_waiting: waiting::requests(&app.postgres, viewer).await?,
        parked_waiting: events.parked_waiting,
        last_event_ms: events.last_event_ms,
        now_ms: i64::try_from(app.clock.now_ms()).unwrap_or(i64::MAX),
    })
}

async fn check_public_page(guard: &Guard, mut request: Request, next: Next) -> Result<Response, PageError> {
    let secret = guard.app.config.auth.secret.expose();
    let known = session::cookie(request.headers(), ANONYMOUS_COOKIE_NAME).map(str::to_owned);
    if !request.method().is_safe() {
        let cookie = known.ok_or_else(ApiError::bad_form_token)?;
        let csrf = csrf::anonymous(secret, cookie.as_bytes());
        request = check_form(request, &guard.app, &csrf, body::MAX_BYTES).await?;
        request.extensions_mut().insert(Anonymous { csrf });
        return Ok(next.run(request).await);
    }
    let cookie = known.clone().unwrap_or_else(|| URL_SAFE_NO_PAD.encode(random_secret()));
    request.extensions_mut().insert(Anonymous { csrf: csrf::anonymous(secret, cookie.as_bytes()) });
    let (mut parts, body) = request.into_parts();
    let Ok(client) = ClientInfo::from_request_parts(&mut parts, &guard.app).await;
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if known.is_none() {
        let value = session::set_cookie(ANONYMOUS_COOKIE_NAME, &cookie, 86_400, client.is_https);
        response.headers_mut().append(SET_COOKIE, value);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Verifies the token of a form, and passes on its fields and files. A form with a file may be
/// larger, up to `max_upload_bytes`.
async fn check_form(
    request: Request,
    app: &App,
    secret: &[u8; 32],
    max_upload_bytes: usize,
) -> Result<Request, ApiError> {
    let (parts, whole) = request.into_parts();
    let mut request = Request::from_parts(parts.clone(), whole);
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (fields, files) = match content_type.filter(|value| body::is_multipart(value)) {
        Some(content_type) => {
            DefaultBodyLimit::max(max_upload_bytes).apply(&mut request);
            let bytes = body::read_bytes_within(request, app, max_upload_bytes).await?;
            body::read_parts(content_type, bytes).await?
        }
        None => {
            let bytes = body::read_bytes(request, app).await?;
            (form_urlencoded::parse(&bytes).into_owned().collect(), Vec::new())
        }
    };
    let form = Form(fields);
    if !csrf::matches(secret, form.text(csrf::FIELD)) {
        return Err(ApiError::bad_form_token());
    }
    if form.0.iter().any(|(_, value)| value.contains('\0')) {
        return Err(ApiError::field("form", "Null characters are not allowed."));
    }
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(form);
    request.extensions_mut().insert(Files(files));
    Ok(request)
}

fn to_login(target: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", target);
    Redirect::to(&format!("/login/?{}", query.finish())).into_response()
}
