//! `/login/` with its second step for a code, and `/logout/`, with the session cookie.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::config::Registration;
use crate::db::audit::Actor;
use crate::db::users::LoginRow;
use crate::http::allowed::{Allowed, Anonymous, Form};
use crate::http::auth::login::{
    Attempt, CODE_NEEDED, LoginError, SecondStep, WRONG_CODE, log_in, log_in_with_ticket,
};
use crate::http::auth::session::{self, COOKIE_NAME};
use crate::http::auth::{credentials, csrf, login_ticket};
use crate::http::client_address::ClientInfo;
use crate::http::kept_form::{self, KeptForm};
use crate::http::login_page::LoginPage;
use crate::http::notice;
use crate::http::page::{Frame, PageError, render};
use crate::http::query::Params;
use crate::http::state::App;

const SECONDS_PER_DAY: u64 = 86_400;

/// The login that a form carries on: from the page of the password to that of the code.
#[derive(Debug, Clone, Default)]
struct Begun {
    next: String,
    username: String,
    /// A form that is sent after the login; empty without one.
    kept_form: String,
}

impl Begun {
    fn read(form: &Form) -> Self {
        Self {
            next: safe_next(form.text("next")).to_owned(),
            username: form.text("username").trim().to_owned(),
            kept_form: form.text(kept_form::FIELD).to_owned(),
        }
    }
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct CodePage {
    frame: Frame,
    csrf: String,
    next: String,
    username: String,
    kept_form: String,
    ticket: String,
    error: Option<String>,
}

impl CodePage {
    fn new(anonymous: &Anonymous, begun: Begun, ticket: String, error: Option<String>) -> Self {
        let Begun { next, username, kept_form } = begun;
        let csrf = csrf::show(&anonymous.csrf);
        Self { frame: Frame::anonymous(), csrf, next, username, kept_form, ticket, error }
    }
}

/// `GET /login/`.
pub async fn show_login(
    State(app): State<App>,
    anonymous: Anonymous,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let params = Params::parse(query.as_deref());
    let next = safe_next(params.text("next").unwrap_or("/")).to_owned();
    let done = match params.text("done") {
        Some("reset") => Some("Your new password is set. Log in with it."),
        Some("registered") if app.config.auth.registration == Registration::Open => {
            Some("You are registered. Log in.")
        }
        Some("registered") => {
            Some("You are registered. You can log in once an Owner has approved your account.")
        }
        _ => None,
    };
    if credentials::from_session(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    render(&LoginPage { done, next, ..LoginPage::new(&app, anonymous) })
}

/// `POST /login/`.
pub async fn submit_login(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    anonymous: Anonymous,
    form: Form,
) -> Result<Response, PageError> {
    let begun = Begun::read(&form);
    let attempt = Attempt { username: &begun.username, password: form.text("password"), code: "" };
    match log_in(&app, &client, &actor, attempt).await {
        Ok(user) => enter(&app, &client, &user, &begun).await,
        Err(LoginError::CodeNeeded(row)) => {
            let secret = app.config.auth.secret.expose();
            let ticket = login_ticket::issue(secret, &anonymous.csrf, &row, app.clock.now_ms());
            render(&CodePage::new(&anonymous, begun, ticket, None))
        }
        Err(LoginError::Limited(wait_s)) => {
            limited(wait_s, render(&page(&app, anonymous, begun, too_many(wait_s))))
        }
        Err(LoginError::Failed(error)) => Err(error.into()),
        Err(LoginError::Wrong | LoginError::WrongCode) => {
            let error = "Please enter a correct username and password. The password is case-sensitive.";
            render(&page(&app, anonymous, begun, error.to_owned()))
        }
    }
}

/// `GET /login/code/`: after a reload, the login begins again.
pub async fn show_login_code() -> Redirect {
    Redirect::to("/login/")
}

/// `POST /login/code/`: the second step of a login.
pub async fn submit_login_code(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    anonymous: Anonymous,
    form: Form,
) -> Result<Response, PageError> {
    let (begun, ticket) = (Begun::read(&form), form.text("ticket").to_owned());
    let step = SecondStep { username: &begun.username, ticket: &ticket, code: form.text("code") };
    let again = |error: String| CodePage::new(&anonymous, begun.clone(), ticket.clone(), Some(error));
    match log_in_with_ticket(&app, &client, &actor, &anonymous.csrf, step).await {
        Ok(user) => enter(&app, &client, &user, &begun).await,
        Err(LoginError::CodeNeeded(_)) => render(&again(CODE_NEEDED.to_owned())),
        Err(LoginError::WrongCode) => render(&again(WRONG_CODE.to_owned())),
        Err(LoginError::Limited(wait_s)) => limited(wait_s, render(&again(too_many(wait_s)))),
        Err(LoginError::Failed(error)) => Err(error.into()),
        Err(LoginError::Wrong) => {
            let error = "The login took too long. Enter your password again.".to_owned();
            render(&page(&app, anonymous, begun, error))
        }
    }
}

/// Begins the session of a user who has proved who they are. Shows them the form that they sent
/// after their last session had ended; a form of somebody else is dropped.
async fn enter(
    app: &App,
    client: &ClientInfo,
    user: &LoginRow,
    begun: &Begun,
) -> Result<Response, PageError> {
    let life_days = app.config.auth.session_days;
    let session = session::begin(&app.postgres, &app.clock, user, life_days, &client.origin()).await?;
    let mut response = match KeptForm::read(&begun.kept_form) {
        None => Redirect::to(&begun.next).into_response(),
        Some(kept) if kept.is_of(&app.postgres, user.id).await? => {
            render(&kept.page(Frame::anonymous(), csrf::show(&session.csrf)))?
        }
        Some(_) => notice::redirect(&begun.next, "The form that was open was not yours, and was dropped."),
    };
    let max_age_s = u64::from(life_days) * SECONDS_PER_DAY;
    let cookie = session::set_cookie(COOKIE_NAME, &session.cookie, max_age_s, client.is_https);
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}

fn too_many(wait_s: u64) -> String {
    format!("Too many wrong attempts. Try again in {wait_s} seconds.")
}

fn limited(wait_s: u64, page: Result<Response, PageError>) -> Result<Response, PageError> {
    let mut response = page?;
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
    Ok(response)
}

/// `POST /logout/`.
pub async fn submit_logout(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    allowed: Allowed,
) -> Result<Response, PageError> {
    if let Some(session) = &allowed.session {
        session::end(&app.postgres, &app.clock, &actor, session).await?;
    }
    let cookie = session::set_cookie(COOKIE_NAME, "", 0, client.is_https);
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/login/")).into_response())
}

fn page(app: &App, anonymous: Anonymous, begun: Begun, error: String) -> LoginPage {
    let Begun { next, username, kept_form } = begun;
    LoginPage { next, username, kept_form, error: Some(error), ..LoginPage::new(app, anonymous) }
}

/// Returns `next` if it is a path of this site, else the home page.
///
/// Browsers read a backslash as a slash and skip control characters, and `//host` is another site.
fn safe_next(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//");
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_followed() {
        for good in ["/", "/prospects/?q=a%20b", "/orders/1/"] {
            assert_eq!(safe_next(good), good);
        }
        for bad in [
            "",
            "//evil.example",
            "https://evil.example/",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "\\\\evil",
            "/a b",
            "/\r\nSet-Cookie: a=b",
            "prospects/",
        ] {
            assert_eq!(safe_next(bad), "/", "{bad:?}");
        }
    }
}
