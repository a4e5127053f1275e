//! What stands before every handler: who is asking, and whether the policy lets them. A route cannot be listed without a
//! [`Rule`], and a handler that needs somebody takes [`Allowed`], which only this module makes.
//!
//! A page's forms are checked here too: no handler of a change runs before the form's token was found right.

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::auth::session::{self, ANONYMOUS_COOKIE_NAME, Session};
use crate::auth::viewer::{self, Bearer, Proof, Viewer};
use crate::auth::{csrf, random_secret};
use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, Keyed, Once};
use crate::pages::frame::PageError;
use crate::policy::{self, Action, Grant, Resource};
use crate::state::App;

/// What a route asks of the policy.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Anybody, for this reason.
    Public(&'static str),
    /// Who is allowed this.
    Asks(Action, Resource),
    /// Who is allowed this, and has logged in with a password: an API token must not get another one, or keep its own
    /// user out.
    AsksPerson(Action, Resource),
}

impl Rule {
    /// The question to the policy.
    #[must_use]
    pub const fn question(self) -> Option<(Action, Resource)> {
        match self {
            Self::Public(_) => None,
            Self::Asks(action, resource) | Self::AsksPerson(action, resource) => Some((action, resource)),
        }
    }
}

/// How a route speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Bearer tokens and JSON.
    Api,
    /// Cookies and HTML.
    Page,
    /// Files, the same for everybody: without cookies, so that caches may keep them.
    File,
}

/// Somebody who may do what the route is for, and within which bounds.
#[derive(Debug, Clone)]
pub struct Allowed {
    pub viewer: Viewer,
    pub grant: Grant,
    /// The session, on pages.
    pub session: Option<Session>,
    pub proof: Proof,
    /// The `Idempotency-Key`, on routes that take one.
    pub once: Option<Once>,
}

/// A public page's visitor: the secret behind its form's token.
#[derive(Debug, Clone, Copy)]
pub struct Anonymous {
    pub csrf: [u8; 32],
}

/// The fields of a page's form whose token was right.
#[derive(Debug, Clone, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// A field's text, empty when it was not sent.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A guard's own state: one per route.
#[derive(Clone)]
pub struct Guard {
    pub app: App,
    pub surface: Surface,
    pub rule: Rule,
    /// How the route takes an `Idempotency-Key`, if it does.
    pub keyed: Option<Keyed>,
}

/// Runs before the handler of a route.
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
    match guard.keyed {
        Some(keyed) => idempotency::run(&guard.app, keyed, request, next).await,
        None => Ok(next.run(request).await),
    }
}

async fn check_api(guard: &Guard, mut request: Request) -> Result<Request, ApiError> {
    if let Some((action, resource)) = guard.rule.question() {
        let bearer = viewer::from_bearer(&guard.app, request.headers(), request.method()).await?;
        let Bearer { viewer, proof } = bearer.ok_or_else(ApiError::not_authenticated)?;
        let grant = policy::decide(viewer.position, action, resource).ok_or_else(ApiError::forbidden)?;
        if proof.login().is_none() && matches!(guard.rule, Rule::AsksPerson(..)) {
            return Err(ApiError::login_needed());
        }
        request.extensions_mut().insert(Allowed { viewer, grant, session: None, proof, once: None });
    }
    Ok(request)
}

async fn check_page(guard: &Guard, mut request: Request, next: Next) -> Result<Response, PageError> {
    let is_change = !request.method().is_safe();
    let Some((action, resource)) = guard.rule.question() else {
        return check_public_page(guard, request, next).await;
    };
    let Some((viewer, session)) = viewer::from_session(&guard.app, request.headers()).await? else {
        // A change cannot be repeated after the login; its page can be opened again.
        let target =
            if is_change { "/" } else { request.uri().path_and_query().map_or("/", |path| path.as_str()) };
        return Ok(to_login(target));
    };
    let grant = policy::decide(viewer.position, action, resource).ok_or_else(ApiError::forbidden)?;
    if is_change {
        request = check_form(request, &guard.app, &session.csrf).await?;
    }
    let proof = Proof::Login(session.id);
    request.extensions_mut().insert(Allowed { viewer, grant, session: Some(session), proof, once: None });
    Ok(next.run(request).await)
}

async fn check_public_page(guard: &Guard, mut request: Request, next: Next) -> Result<Response, PageError> {
    let secret = guard.app.config.auth.secret.expose();
    let known = session::cookie(request.headers(), ANONYMOUS_COOKIE_NAME).map(str::to_owned);
    if !request.method().is_safe() {
        let cookie = known.ok_or_else(ApiError::bad_form_token)?;
        let csrf = csrf::anonymous(secret, cookie.as_bytes());
        request = check_form(request, &guard.app, &csrf).await?;
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

async fn check_form(request: Request, app: &App, secret: &[u8; 32]) -> Result<Request, ApiError> {
    let (parts, whole) = request.into_parts();
    let bytes = body::whole(Request::from_parts(parts.clone(), whole), app).await?;
    let form = Form(form_urlencoded::parse(&bytes).into_owned().collect());
    if !csrf::matches(secret, form.text(csrf::FIELD)) {
        return Err(ApiError::bad_form_token());
    }
    if form.0.iter().any(|(_, value)| value.contains('\0')) {
        return Err(ApiError::field("form", "Null characters are not allowed."));
    }
    let mut request = Request::from_parts(parts, Body::empty());
    request.extensions_mut().insert(form);
    Ok(request)
}

fn to_login(target: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", target);
    Redirect::to(&format!("/login/?{}", query.finish())).into_response()
}

impl FromRequestParts<App> for Allowed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        taken(parts, "a handler asked who is allowed on a route that allows everybody")
    }
}

impl FromRequestParts<App> for Anonymous {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        taken(parts, "a handler asked for an anonymous visitor on a route that is not a public page")
    }
}

impl FromRequestParts<App> for Form {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        taken(parts, "a handler asked for a form on a route without one")
    }
}

fn taken<T: Clone + Send + Sync + 'static>(parts: &Parts, bug: &'static str) -> Result<T, ApiError> {
    parts.extensions.get::<T>().cloned().ok_or_else(|| ApiError::bug(bug))
}
