//! `/reset-password/`: sets a new password with a link that an Owner made. The link contains the
//! token, so the page tells no other site where it came from, and no cache keeps it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::header::REFERRER_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::db::audit::Actor;
use crate::db::{password_resets, time_of};
use crate::http::allowed::{Anonymous, Form};
use crate::http::auth::token::read_secret;
use crate::http::auth::{csrf, hash_secret};
use crate::http::client_address::ClientInfo;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, render};
use crate::http::query::Params;
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::input::{FormView, InputView, Problems};
use crate::users::reset_password;

const HREF: &str = "/reset-password/";

#[derive(Template)]
#[template(path = "reset_password.html")]
struct ResetPasswordPage {
    frame: Frame,
    csrf: String,
    /// `None`: the link is not valid any more.
    form: Option<FormView>,
}

/// `GET /reset-password/?token=…`.
pub async fn show_reset_password(
    State(app): State<App>,
    anonymous: Anonymous,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let token = Params::parse(query.as_deref()).text("token").unwrap_or_default().to_owned();
    if is_valid(&app, &token).await? {
        page(&anonymous, Some(form(&token, &Problems::default())))
    } else {
        invalid(&anonymous)
    }
}

/// `POST /reset-password/`.
pub async fn submit_reset_password(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    anonymous: Anonymous,
    sent: Form,
) -> Result<Response, PageError> {
    let body = Body::of(sent.fields());
    let error = match reset_password::reset_password(State(app), client, actor, body).await {
        Ok(_) => return Ok(no_referrer(Redirect::to("/login/?done=reset").into_response())),
        Err(error) => error,
    };
    if error.messages().is_some_and(|messages| messages.contains_key("token")) {
        return invalid(&anonymous);
    }
    let problems = Problems::of(error)?;
    Ok(problems.answer(page(&anonymous, Some(form(sent.text("token"), &problems)))?))
}

async fn is_valid(app: &App, token: &str) -> Result<bool, ApiError> {
    let Some(secret) = read_secret(token) else { return Ok(false) };
    let user = password_resets::find_user(&app.postgres, &hash_secret(&secret), time_of(&app.clock)).await?;
    Ok(user.is_some())
}

fn form(token: &str, problems: &Problems) -> FormView {
    let password = InputView::password("password", "New password", "new-password")
        .with_hint("At least 8 characters, and not easy to guess.");
    problems.form(HREF, "Set password", [password]).with_hidden("token", token)
}

fn invalid(anonymous: &Anonymous) -> Result<Response, PageError> {
    let mut response = page(anonymous, None)?;
    *response.status_mut() = StatusCode::BAD_REQUEST;
    Ok(response)
}

fn page(anonymous: &Anonymous, form: Option<FormView>) -> Result<Response, PageError> {
    let csrf = csrf::show(&anonymous.csrf);
    render(&ResetPasswordPage { frame: Frame::anonymous(), csrf, form }).map(no_referrer)
}

fn no_referrer(mut response: Response) -> Response {
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
