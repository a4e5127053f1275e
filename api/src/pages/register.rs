//! `/register/`: registration of a Buyer by the operator's mode.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::config::Registration;
use crate::db::audit::Actor;
use crate::http::allowed::{Anonymous, Form};
use crate::http::auth::csrf;
use crate::http::client_address::ClientInfo;
use crate::http::page::{Frame, PageError, render};
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::input::{FormView, InputView, Problems};
use crate::users::register;

const HREF: &str = "/register/";

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    frame: Frame,
    csrf: String,
    is_closed: bool,
    needs_approval: bool,
    form: FormView,
}

/// `GET /register/`.
pub async fn show_register(State(app): State<App>, anonymous: Anonymous) -> Result<Response, PageError> {
    page(&app, &anonymous, &Form::default(), &Problems::default())
}

/// `POST /register/`.
pub async fn submit_register(
    State(app): State<App>,
    client: ClientInfo,
    actor: Actor,
    anonymous: Anonymous,
    form: Form,
) -> Result<Response, PageError> {
    let error = match register::register_public(&app, &client, &actor, Body::of(form.fields())).await {
        Ok(_) => return Ok(Redirect::to("/login/?done=registered").into_response()),
        Err(error) => error,
    };
    if error.status() == StatusCode::FORBIDDEN {
        let mut response = page(&app, &anonymous, &form, &Problems::default())?;
        *response.status_mut() = StatusCode::FORBIDDEN;
        return Ok(response);
    }
    let problems = Problems::of(error)?;
    Ok(problems.answer(page(&app, &anonymous, &form, &problems)?))
}

fn page(app: &App, anonymous: &Anonymous, sent: &Form, problems: &Problems) -> Result<Response, PageError> {
    let mode = app.config.auth.registration;
    let inputs = [
        InputView::text("username", "Username", sent.text("username"))
            .with_hint("Letters, digits and @ . + - _")
            .filled_with("username"),
        InputView::email("email", "E-mail", sent.text("email")).optional(254),
        InputView::text("first_name", "First name", sent.text("first_name"))
            .optional(30)
            .filled_with("given-name"),
        InputView::text("last_name", "Last name", sent.text("last_name"))
            .optional(30)
            .filled_with("family-name"),
        InputView::password("password", "Password", "new-password")
            .with_hint("At least 8 characters, and not easy to guess."),
    ];
    render(&RegisterPage {
        frame: Frame::anonymous(),
        csrf: csrf::show(&anonymous.csrf),
        is_closed: mode == Registration::Closed,
        needs_approval: mode == Registration::Approval,
        form: problems.form(HREF, "Register", inputs),
    })
}
