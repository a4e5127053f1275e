//! `/account/tokens/`: the viewer's API tokens. A new token is shown once, in the response to its
//! form.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::account::model::CreateTokenResponse;
use crate::account::tokens;
use crate::db::{api_tokens, time_of};
use crate::http::allowed::{Allowed, Form};
use crate::http::call::Call;
use crate::http::page::{Frame, PageError, render};
use crate::http::request::Body;
use crate::http::state::App;
use crate::pages::format::LocalTime;
use crate::pages::input::{FormView, InputView, Problems};
use crate::pages::own_account::sections::{Shell, done, open};

const HREF: &str = "/account/tokens/";
/// The most tokens that the page shows.
const MAX_ROWS: i64 = 100;

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

#[derive(Template)]
#[template(path = "account_tokens.html")]
struct TokensPage {
    frame: Frame,
    shell: Shell,
    /// The token that was created, and its name.
    made: Option<CreateTokenResponse>,
    rows: Vec<TokenView>,
    zone: &'static str,
    form: FormView,
    is_cut: bool,
}

/// `GET /account/tokens/`.
pub async fn show_tokens(State(app): State<App>, allowed: Allowed) -> Result<Response, PageError> {
    page(&app, &allowed, None, &Form::default(), &Problems::default()).await
}

/// `POST /account/tokens/`: creates a token and shows it.
pub async fn create_token(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    match tokens::create(&app, &call, Body::of(form.fields())).await {
        Ok((transaction, made)) => {
            transaction.commit().await?;
            page(&app, &call.allowed, Some(made), &Form::default(), &Problems::default()).await
        }
        Err(error) => {
            let problems = Problems::of(error)?;
            Ok(problems.answer(page(&app, &call.allowed, None, &form, &problems).await?))
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
    made: Option<CreateTokenResponse>,
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
    let (frame, shell) = open(allowed, HREF);
    render(&TokensPage {
        frame,
        shell,
        made,
        rows: found.into_iter().map(view).collect(),
        zone: zone.name(),
        form: problems.form(HREF, "Create a token", inputs),
        is_cut,
    })
}
