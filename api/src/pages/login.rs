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
use crate::http::auth::login::{Attempt, CODE_NEEDED, LoginError, WRONG_CODE, log_in, log_in_with_ticket};
use crate::http::auth::session::{self, COOKIE_NAME};
use crate::http::auth::{credentials, csrf, login_ticket};
use crate::http::client_address::ClientInfo;
use crate::http::page::{Frame, PageError, render};
use crate::http::query::Params;
use crate::http::state::App;

const SECONDS_PER_DAY: u64 = 86_400;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    csrf: String,
    next: String,
    username: String,
    error: Option<String>,
    /// A notice about the page before, for example after a new password.
    done: Option<&'static str>,
    is_registration_open: bool,
}

#[derive(Template)]
#[template(path = "login_code.html")]
struct CodePage {
    frame: Frame,
    csrf: String,
    next: String,
    username: String,
    ticket: String,
    error: Option<String>,
}

impl CodePage {
    fn new(
        anonymous: &Anonymous,
        next: String,
        username: String,
        ticket: String,
        error: Option<String>,
    ) -> Self {
        Self { frame: Frame::anonymous(), csrf: csrf::show(&anonymous.csrf), next, username, ticket, error }
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
    render(&LoginPage { done, ..page(&app, anonymous, next, String::new(), None) })
}

/// `POST /login/`.
pub async fn submit_login(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    anonymous: Anonymous,
    form: Form,
) -> Result<Response, PageError> {
    let next = safe_next(form.text("next")).to_owned();
    let username = form.text("username").trim().to_owned();
    let attempt = Attempt { username: &username, password: form.text("password"), code: "" };
    match log_in(&app, &client, &actor, attempt).await {
        Ok(user) => enter(&app, &client, &user, &next).await,
        Err(LoginError::CodeNeeded(row)) => {
            let secret = app.config.auth.secret.expose();
            let ticket = login_ticket::issue(secret, &anonymous.csrf, &row, app.clock.now_ms());
            render(&CodePage::new(&anonymous, next, username, ticket, None))
        }
        Err(LoginError::Limited(wait_s)) => {
            limited(wait_s, render(&page(&app, anonymous, next, username, Some(too_many(wait_s)))))
        }
        Err(LoginError::Failed(error)) => Err(error.into()),
        Err(LoginError::Wrong | LoginError::WrongCode) => {
            let error = "Please enter a correct username and password. The password is case-sensitive.";
            render(&page(&app, anonymous, next, username, Some(error.to_owned())))
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
    let next = safe_next(form.text("next")).to_owned();
    let (username, ticket) = (form.text("username").to_owned(), form.text("ticket").to_owned());
    let sent = (username.as_str(), ticket.as_str(), form.text("code"));
    let again = |error: String| {
        CodePage::new(&anonymous, next.clone(), username.clone(), ticket.clone(), Some(error))
    };
    match log_in_with_ticket(&app, &client, &actor, &anonymous.csrf, sent).await {
        Ok(user) => enter(&app, &client, &user, &next).await,
        Err(LoginError::CodeNeeded(_)) => render(&again(CODE_NEEDED.to_owned())),
        Err(LoginError::WrongCode) => render(&again(WRONG_CODE.to_owned())),
        Err(LoginError::Limited(wait_s)) => limited(wait_s, render(&again(too_many(wait_s)))),
        Err(LoginError::Failed(error)) => Err(error.into()),
        Err(LoginError::Wrong) => {
            let error = "The login took too long. Enter your password again.".to_owned();
            render(&page(&app, anonymous, next, username, Some(error)))
        }
    }
}

/// Begins the session of a user who has proved who they are.
async fn enter(app: &App, client: &ClientInfo, user: &LoginRow, next: &str) -> Result<Response, PageError> {
    let life_days = app.config.auth.session_days;
    let cookie = session::begin(&app.postgres, &app.clock, user, life_days, &client.origin()).await?;
    let max_age_s = u64::from(life_days) * SECONDS_PER_DAY;
    let cookie = session::set_cookie(COOKIE_NAME, &cookie, max_age_s, client.is_https);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
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

fn page(app: &App, anonymous: Anonymous, next: String, username: String, error: Option<String>) -> LoginPage {
    LoginPage {
        frame: Frame::anonymous(),
        csrf: csrf::show(&anonymous.csrf),
        next,
        username,
        error,
        done: None,
        is_registration_open: app.config.auth.registration != Registration::Closed,
    }
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
