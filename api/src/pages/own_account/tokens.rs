//! `/account/tokens/`: the viewer's API tokens. A new token is shown once, in the response to its
//! form.

use askama::Template;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;
use uuid::Uuid;

use crate::account::tokens;
use crate::db::{api_tokens, time_of};
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::in_process::{Api, Sent};
use crate::http::page::{Frame, PageError, render};
use crate::http::state::App;
use crate::pages::format::LocalTime;
use crate::pages::input::{FormView, InputView, Problems};
use crate::pages::own_account::sections::{Shell, done, open};
use crate::pages::table::plain;

const HREF: &str = "/account/tokens/";
/// The most tokens that the page shows.
const MAX_ROWS: i64 = 100;
const MADE_BEFORE: &str = "This form has created its token already, which was shown once. If you have not \
                           copied it, delete it and create another.";

/// A token in the list.
#[derive(Debug)]
struct TokenView {
    id: i64,
    name: String,
    hint: String,
    may: &'static str,
    expires: LocalTime,
    used: Option<LocalTime>,
}

/// A token that was created. It is shown only once.
#[derive(Debug)]
struct Made {
    name: String,
    token: String,
}

#[derive(Template)]
#[template(path = "account_tokens.html")]
struct TokensPage {
    frame: Frame,
    shell: Shell,
    made: Option<Made>,
    rows: Vec<TokenView>,
    zone: &'static str,
    form: FormView,
    is_cut: bool,
}

/// `GET /account/tokens/`.
pub async fn show_tokens(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    page(&app, &allowed, None, &Form::default(), &Problems::default()).await
}

/// `POST /account/tokens/`: creates a token and shows it. A form that is sent twice creates one.
pub async fn create_token(
    State(app): State<App>,
    api: Api,
    allowed: Allowed,
    form: Form,
) -> Result<Response, PageError> {
    let key = form.text("idempotency_key").to_owned();
    let scopes: Vec<&str> = form.text("scopes").split(',').filter(|scope| !scope.is_empty()).collect();
    let mut body = json!({"name": form.text("name"), "scopes": scopes});
    if !form.text("expires_in_days").is_empty() {
        body["expires_in_days"] = form.text("expires_in_days").into();
    }
    let idempotency_key = Some(key).filter(|key| !key.is_empty());
    let sent = Sent { body, idempotency_key, version: None };
    match api.call(Method::POST, "/api/account/tokens/create/", sent).await {
        Ok(reply) => {
            let text = |key: &str| reply.body.get(key).map(plain).unwrap_or_default();
            let made = Made { name: text("name"), token: text("token") };
            page(&app, &allowed, Some(made), &Form::default(), &Problems::default()).await
        }
        Err(error) => {
            let is_again = error.status() == StatusCode::CONFLICT;
            let error = if is_again { ApiError::conflict(MADE_BEFORE) } else { error };
            let problems = Problems::of(error)?;
            // Another key, if the person wants another token.
            let form = if is_again { form.without(&["idempotency_key"]) } else { form };
            Ok(problems.answer(page(&app, &allowed, None, &form, &problems).await?))
        }
    }
}

/// `POST /account/tokens/{id}/delete/`.
pub async fn delete_token(State(app): State<App>, call: Call) -> Result<Response, PageError> {
    match tokens::delete_token(State(app), call).await {
        Ok(_) => Ok(done(HREF, "Deleted the token. Programs with it have no access any more.")),
        Err(error) if error.status() == StatusCode::NOT_FOUND => {
            Ok(done(HREF, "This token was deleted already."))
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    app: &App,
    allowed: &Allowed,
    made: Option<Made>,
    sent: &Form,
    problems: &Problems,
) -> Result<Response, PageError> {
    let (viewer, now) = (&allowed.viewer, time_of(&app.clock));
    let zone = viewer.time_zone;
    let mut found = api_tokens::list(&app.postgres, viewer.id, now, None, MAX_ROWS + 1).await?;
    let is_cut = i64::try_from(found.len()).unwrap_or(i64::MAX) > MAX_ROWS;
    found.truncate(usize::try_from(MAX_ROWS).unwrap_or(usize::MAX));
    let view = |row: api_tokens::ApiTokenRow| TokenView {
        id: row.id,
        name: row.name,
        hint: row.hint,
        may: if row.scopes.iter().any(|scope| scope == "write") { "Read and change" } else { "Read" },
        expires: LocalTime::new(row.expires_at.timestamp_millis(), zone),
        used: row.last_used_at.map(|time| LocalTime::new(time.timestamp_millis(), zone)),
    };
    let inputs = [
        InputView { max_chars: 100, ..InputView::text("name", "Name", sent.text("name")) }
            .with_hint("What the token is for."),
        InputView::select(
            "scopes",
            "The token may",
            sent.text_or("scopes", "read"),
            [("read", "Read"), ("read,write", "Read and change")],
        ),
        InputView {
            kind: "number",
            ..InputView::text(
                "expires_in_days",
                "Days until it expires",
                sent.text_or("expires_in_days", "90"),
            )
        }
        .with_hint("1 to 366."),
    ];
    let key = Some(sent.text("idempotency_key").to_owned()).filter(|key| !key.is_empty());
    let key = key.unwrap_or_else(|| Uuid::new_v4().to_string());
    let (frame, shell) = open(allowed, HREF);
    render(&TokensPage {
        frame,
        shell,
        made,
        rows: found.into_iter().map(view).collect(),
        zone: zone.name(),
        form: problems.form(HREF, "Create a token", inputs).with_hidden("idempotency_key", key),
        is_cut,
    })
}
