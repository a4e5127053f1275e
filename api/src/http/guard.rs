//! Runs before every handler: authenticates the caller and asks the policy. A route cannot be
//! listed without a [`Rule`]. A handler that needs a caller takes [`Allowed`], which only this
//! module creates.
//!
//! The guard also checks the forms of pages: no handler of a change runs before the form's token
//! was verified.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::db::waiting;
use crate::http::allowed::{Allowed, Anonymous, Surroundings};
use crate::http::auth::credentials::{self, Bearer};
use crate::http::auth::session::{self, ANONYMOUS_COOKIE_NAME};
use crate::http::auth::{csrf, random_secret};
use crate::http::body;
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, KeyMode};
use crate::http::in_process::OnBehalf;
use crate::http::kept_form;
use crate::http::login_page::LoginPage;
use crate::http::middleware::is_api;
use crate::http::notice::{self, Notice};
use crate::http::page::{Frame, PageError, Section, Shown, render};
use crate::http::sent_form::{self, Limits, SentForm};
use crate::http::state::App;
use crate::policy::{self, Action, Grant, Resource, Scope};
use crate::viewer::{Credential, Viewer};

/// A form may have an image, or a file of transfers.
const FORM: Limits = Limits { text_bytes: body::MAX_BYTES, upload_bytes: 2 * 1024 * 1024 + body::MAX_BYTES };
/// The forms of the login may carry another form.
const PUBLIC_FORM: Limits =
    Limits { text_bytes: body::MAX_BYTES + kept_form::MAX_BYTES, upload_bytes: body::MAX_BYTES };

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
    /// Cookies, and a file or a stream, which has no frame.
    Data,
    /// Files, the same for everybody. Without cookies, so that caches may store them.
    File,
}

/// The state of the guard of one route.
#[derive(Clone)]
pub struct Guard {
    pub app: App,
    pub surface: Surface,
    pub rule: Rule,
    /// The handling of an `Idempotency-Key`; `None`: the route ignores the header.
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
        Surface::Page | Surface::Data => {
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
        note_caller(&viewer);
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

/// Adds the caller to the log lines of the request.
fn note_caller(viewer: &Viewer) {
    tracing::Span::current().record("user_id", viewer.id);
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
        if is_change {
            return log_in_first(guard, request).await;
        }
        return Ok(to_login(request.uri().path_and_query().map_or("/", |path| path.as_str())));
    };
    note_caller(&viewer);
    let credential = Credential::Login(session.id);
    guard.app.limits.requests_by_token.count(&credential)?;
    let notice = notice::read(request.headers());
    let surroundings = match guard.surface {
        Surface::Data => None,
        _ => Some(Arc::new(surroundings(&guard.app, &viewer, notice.clone()).await?)),
    };
    let request_id = request_id(request.headers());
    let csrf = session.csrf;
    let mut allowed = Allowed {
        viewer,
        grant: NOTHING,
        session: Some(session),
        credential,
        idempotency_key: None,
        surroundings,
    };
    let answered = match policy::decide(allowed.viewer.position, action, resource) {
        None => Err(ApiError::forbidden().into()),
        Some(grant) => {
            allowed.grant = grant;
            if is_change {
                check_form(guard, request, &allowed, &csrf).await
            } else {
                Ok(Checked::Request(request))
            }
        }
    };
    let mut response = match answered {
        Ok(Checked::Request(mut checked)) => {
            checked.extensions_mut().insert(allowed.clone());
            next.run(checked).await
        }
        Ok(Checked::Response(response)) => response,
        Err(error) => PageError::into_response(error),
    };
    if let Some(error) = response.extensions().get::<Shown>().cloned() {
        response = error.in_frame(Frame::new(&allowed, Section::None), &request_id);
    }
    let is_shown = guard.surface == Surface::Page && !response.status().is_redirection();
    if notice.is_some() && is_shown {
        notice::clear(&mut response);
    }
    Ok(response)
}

/// A request whose form was verified, or the answer to another one.
enum Checked {
    Request(Request),
    Response(Response),
}

/// Verifies the form of a page. A form of an earlier session of the viewer is shown to them, with a
/// button that sends it.
async fn check_form(
    guard: &Guard,
    request: Request,
    allowed: &Allowed,
    csrf: &[u8; 32],
) -> Result<Checked, PageError> {
    let sent = SentForm::read(request, &guard.app, FORM).await?;
    if sent.has_token(csrf) {
        return Ok(Checked::Request(sent.verified(csrf)?));
    }
    let kept = sent.kept().ok_or_else(ApiError::bad_form_token)?;
    if !kept.is_of(&guard.app.postgres, allowed.viewer.id).await? {
        return Err(ApiError::bad_form_token().into());
    }
    let page = render(&kept.page(Frame::new(allowed, Section::None), Frame::csrf(allowed)))?;
    Ok(Checked::Response((StatusCode::CONFLICT, page).into_response()))
}

/// Answers a form whose session has ended. The page of the login keeps what was entered.
async fn log_in_first(guard: &Guard, request: Request) -> Result<Response, PageError> {
    let app = &guard.app;
    if sent_form::may_have_files(&request) || is_of_another_site(request.headers()) {
        return Ok(to_login("/"));
    }
    let visitor = Visitor::of(app, request).await;
    let kept = match SentForm::read(visitor.request, app, FORM).await {
        Ok(sent) => sent.kept(),
        Err(_) => None,
    };
    let Some(kept) = kept else { return Ok(to_login("/")) };
    if kept.owner(&app.postgres).await?.is_none() {
        return Ok(to_login("/"));
    }
    let page = LoginPage {
        done: Some("You were logged out. Log in to send what you entered."),
        kept_form: kept.write(),
        ..LoginPage::new(app, visitor.anonymous)
    };
    let mut response = render(&page)?;
    if let Some(cookie) = visitor.new_cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Returns whether the browser says that another site has sent the request.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
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

/// Loads the contents of the frame besides the navigation.
async fn surroundings(app: &App, viewer: &Viewer, notice: Option<Notice>) -> Result<Surroundings, ApiError> {
    let events = app.freshness.read(&app.clickhouse).await;
    Ok(Surroundings {
        notice,
        funds_waiting: waiting::requests(&app.postgres, viewer).await?,
        parked_waiting: events.parked_waiting,
        last_event_ms: events.last_event_ms,
        now_ms: i64::try_from(app.clock.now_ms()).unwrap_or(i64::MAX),
    })
}

/// A browser without a session.
struct Visitor {
    request: Request,
    anonymous: Anonymous,
    /// The cookie from which the secret of forms is derived, unless the browser has it.
    new_cookie: Option<HeaderValue>,
}

impl Visitor {
    async fn of(app: &App, request: Request) -> Self {
        let secret = app.config.auth.secret.expose();
        let known = session::cookie(request.headers(), ANONYMOUS_COOKIE_NAME).map(str::to_owned);
        let cookie = known.clone().unwrap_or_else(|| URL_SAFE_NO_PAD.encode(random_secret()));
        let (mut parts, body) = request.into_parts();
        let Ok(client) = ClientInfo::from_request_parts(&mut parts, app).await;
        let new_cookie = known
            .is_none()
            .then(|| session::set_cookie(ANONYMOUS_COOKIE_NAME, &cookie, 86_400, client.is_https));
        Self {
            request: Request::from_parts(parts, body),
            anonymous: Anonymous { csrf: csrf::anonymous(secret, cookie.as_bytes()) },
            new_cookie,
        }
    }
}

async fn check_public_page(guard: &Guard, request: Request, next: Next) -> Result<Response, PageError> {
    let Visitor { mut request, anonymous, new_cookie } = Visitor::of(&guard.app, request).await;
    if !request.method().is_safe() {
        let sent = SentForm::read(request, &guard.app, PUBLIC_FORM).await?;
        request = sent.verified(&anonymous.csrf)?;
        request.extensions_mut().insert(anonymous);
        return Ok(next.run(request).await);
    }
    request.extensions_mut().insert(anonymous);
    let mut response = next.run(request).await;
    if let Some(cookie) = new_cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn to_login(target: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", target);
    Redirect::to(&format!("/login/?{}", query.finish())).into_response()
}
