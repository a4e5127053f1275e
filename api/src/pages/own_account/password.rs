//! `/account/password/`: changes the viewer's password.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::account::password;
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::page::{Frame, PageError, render};
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::input::{FormView, InputView, Problems};
use crate::pages::own_account::sections::{Shell, done, open};

const HREF: &str = "/account/password/";

#[derive(Template)]
#[template(path = "account_password.html")]
struct PasswordPage {
    frame: Frame,
    shell: Shell,
    form: FormView,
}

/// `GET /account/password/`.
pub async fn show_password(allowed: Allowed) -> Result<Response, PageError> {
    page(&allowed, &Form::default(), &Problems::default())
}

/// `POST /account/password/`.
pub async fn change_password(
    State(app): State<App>,
    call: Call<()>,
    form: Form,
) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    match password::change_password(State(app), call, Body::of(form.fields())).await {
        Ok(_) => Ok(done(HREF, "Your password is changed. All your other logins have ended.")),
        Err(error) => {
            let problems = Problems::of(error)?;
            Ok(problems.answer(page(&allowed, &form, &problems)?))
        }
    }
}

fn page(allowed: &Allowed, sent: &Form, problems: &Problems) -> Result<Response, PageError> {
    let keeps_tokens = sent.last("keep_api_tokens") == Some("true");
    let inputs = [
        InputView::password("old_password", "Your password now", "current-password"),
        InputView::password("new_password", "New password", "new-password")
            .with_hint("At least 8 characters, and not easy to guess."),
        InputView::check("keep_api_tokens", "Keep my API tokens", keeps_tokens),
    ];
    let form = problems.form(HREF, "Change password", inputs);
    let (frame, shell) = open(allowed, HREF);
    render(&PasswordPage { frame, shell, form })
}
