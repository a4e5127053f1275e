//! `/login/` and `/logout/`, with the session cookie.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::config::Registration;
use crate::db::audit::Actor;
use crate::http::allowed::{Allowed, Anonymous, Form};
use crate::http::auth::login::{LoginError, log_in};
use crate::http::auth::session::{self, COOKIE_NAME};
use crate::http::auth::{credentials, csrf};
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
    is_registration_open: bool,
}

/// `GET /login/`.
pub async fn show_login(
    State(app): State<App>,
    anonymous: Anonymous,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let next = safe_next(Params::parse(query.as_deref()).text("next").unwrap_or("/")).to_owned();
    if credentials::from_session(&app, &headers).await?.is_some() {
        return Ok(Redirect::to(&next).into_response());
    }
    render(&page(&app, anonymous, next, String::new(), None))
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
    let user = match log_in(&app, &client, &actor, &username, form.text("password")).await {
        Ok(user) => user,
        Err(LoginError::Wrong) => {
            let error = "Please enter a correct username and password. The password is case-sensitive.";
            return render(&page(&app, anonymous, next, username, Some(error.to_owned())));
        }
        Err(LoginError::Limited(wait_s)) => {
            let error = format!("Too many wrong passwords. Try again in {wait_s} seconds.");
            let mut response = render(&page(&app, anonymous, next, username, Some(error)))?;
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait_s));
            return Ok(response);
        }
        Err(LoginError::Failed(error)) => return Err(error.into()),
    };
    let life_days = app.config.auth.session_days;
    let cookie = session::begin(&app.postgres, &app.clock, &user, life_days, &client.origin()).await?;
    let max_age_s = u64::from(life_days) * SECONDS_PER_DAY;
    let cookie = session::set_cookie(COOKIE_NAME, &cookie, max_age_s, client.is_https);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&next)).into_response())
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
