//! `/account/second-factor/`: turns the viewer's second factor on and off. The secret is shown as a
//! QR code until its first code is entered, the recovery codes once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::account::second_factor;
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, render};
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::input::{FormView, InputView, Problems};
use crate::pages::own_account::sections::{Shell, done, open};
use crate::pages::qr_code;

const HREF: &str = "/account/second-factor/";
const BEGIN: &str = "/account/second-factor/begin/";
const CONFIRM: &str = "/account/second-factor/confirm/";
const DISABLE: &str = "/account/second-factor/disable/";
const RENEW: &str = "/account/second-factor/recovery-codes/";

/// A secret that waits for its first code.
#[derive(Debug)]
struct Pending {
    secret: String,
    qr_code: String,
    confirm: FormView,
}

/// The forms of a second factor that is on.
#[derive(Debug)]
struct On {
    recovery_codes_left: i64,
    renew: FormView,
    disable: FormView,
}

#[derive(Template)]
#[template(path = "account_second_factor.html")]
struct SecondFactorPage {
    frame: Frame,
    shell: Shell,
    on: Option<On>,
    pending: Option<Pending>,
    begin: FormView,
    is_wrong: bool,
}

#[derive(Template)]
#[template(path = "account_recovery_codes.html")]
struct RecoveryCodesPage {
    frame: Frame,
    shell: Shell,
    is_new: bool,
    codes: Vec<String>,
}

/// `GET /account/second-factor/`.
pub async fn show_second_factor(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    page(&app, &allowed, "", &Problems::default()).await
}

/// `GET` of the addresses of the forms: after a reload.
pub async fn to_second_factor() -> Redirect {
    Redirect::to(HREF)
}

/// `POST /account/second-factor/begin/`.
pub async fn begin(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    let body = Body::of(form.fields());
    match second_factor::begin_second_factor(State(app.clone()), call, body).await {
        Ok(_) => Ok(Redirect::to(HREF).into_response()),
        Err(error) => failed(&app, &allowed, BEGIN, error).await,
    }
}

/// `POST /account/second-factor/confirm/`.
pub async fn confirm(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    let body = Body::of(form.fields());
    match second_factor::confirm_second_factor(State(app.clone()), call, body).await {
        Ok(confirmed) => codes(&allowed, true, confirmed.0.recovery_codes),
        Err(error) => failed(&app, &allowed, CONFIRM, error).await,
    }
}

/// `POST /account/second-factor/recovery-codes/`.
pub async fn renew(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    let body = Body::of(form.fields());
    match second_factor::renew_recovery_codes(State(app.clone()), call, body).await {
        Ok(renewed) => codes(&allowed, false, renewed.0.recovery_codes),
        Err(error) => failed(&app, &allowed, RENEW, error).await,
    }
}

/// `POST /account/second-factor/disable/`.
pub async fn disable(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    let body = Body::of(form.fields());
    match second_factor::disable_second_factor(State(app.clone()), call, body).await {
        Ok(_) => Ok(done(HREF, "The second factor is off.")),
        Err(error) => failed(&app, &allowed, DISABLE, error).await,
    }
}

fn codes(allowed: &Allowed, is_new: bool, codes: Vec<String>) -> Result<Response, PageError> {
    let (frame, shell) = open(allowed, HREF);
    render(&RecoveryCodesPage { frame, shell, is_new, codes })
}

async fn failed(app: &App, allowed: &Allowed, form: &str, error: ApiError) -> Result<Response, PageError> {
    // The page shows what is possible now.
    if error.status() == StatusCode::CONFLICT {
        return Ok(done(HREF, &error.sentence()));
    }
    let problems = Problems::of(error)?;
    Ok(problems.answer(page(app, allowed, form, &problems).await?))
}

/// `sent` is the form that `problems` are about.
async fn page(app: &App, allowed: &Allowed, sent: &str, problems: &Problems) -> Result<Response, PageError> {
    let none = Problems::default();
    let of = |form: &str| if form == sent { problems } else { &none };
    let prove = |form: &'static str, submit: &'static str| {
        let inputs = [
            InputView::password("password", "Your password", "current-password"),
            InputView::code("Code", "Six digits of your app, or a recovery code."),
        ];
        of(form).form(form, submit, inputs).secondary()
    };
    let state = second_factor::get_second_factor(State(app.clone()), allowed.clone()).await?.0;
    let on = state.is_on.then(|| On {
        recovery_codes_left: state.recovery_codes_left,
        renew: prove(RENEW, "Make new recovery codes"),
        disable: prove(DISABLE, "Turn off the second factor"),
    });
    let pending = if state.is_on { None } else { pending(app, allowed, of(CONFIRM)).await? };
    let password = InputView::password("password", "Your password", "current-password");
    let begin = of(BEGIN).form(BEGIN, if pending.is_some() { "Start again" } else { "Turn on" }, [password]);
    let begin = if pending.is_some() { begin.secondary() } else { begin };
    let (frame, shell) = open(allowed, HREF);
    render(&SecondFactorPage { frame, shell, on, pending, begin, is_wrong: problems.any() })
}

async fn pending(app: &App, allowed: &Allowed, problems: &Problems) -> Result<Option<Pending>, PageError> {
    let begun = match second_factor::pending_secret(app, allowed).await {
        Ok(begun) => begun,
        Err(error) if error.status() == StatusCode::CONFLICT => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let groups: Vec<&str> =
        (0..begun.secret.len()).step_by(4).filter_map(|at| begun.secret.get(at..at + 4)).collect();
    let code = InputView::code("Code", "Six digits that the app shows.");
    Ok(Some(Pending {
        secret: groups.join(" "),
        qr_code: qr_code::svg(&begun.otpauth_uri)?,
        confirm: problems.form(CONFIRM, "Turn on", [code]),
    }))
}
