//! `POST /parked/mend/`, `/parked/ignore/` and `/parked/wait-again/`: first the count to confirm,
//! then the decision.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::http::allowed::Form;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::request::{Body, Request};
use crate::http::state::App;
use crate::pages::cell::Cell;
use crate::pages::entity::Refers;
use crate::pages::format::{self, LocalTime};
use crate::pages::names::Names;
use crate::pages::parked::event::{Refused, show};
use crate::pages::parked::named;
use crate::pages::table::time_ms;
use crate::parked::decide::{DecisionDraft, Step, Subject, make};
use crate::parked::ignore::read_ignore;
use crate::parked::mend::read_mend;
use crate::parked::model::{IgnoreParkedRequest, MendParkedRequest, ParkedCountResponse, WaitAgainRequest};
use crate::parked::rules::FOR_EVER;
use crate::parked::wait_again::{let_wait, read_wait_again};

/// The fields that the second form sends again.
const REPEATED: [&str; 8] =
    ["event_id", "reason", "reference", "campaign_id", "user_id", "prospect_id", "note", "event"];

#[derive(Template)]
#[template(path = "parked_confirm.html")]
struct ConfirmPage {
    frame: Frame,
    title: &'static str,
    action: &'static str,
    button: &'static str,
    /// The event from whose page the form came.
    event: String,
    about: String,
    /// The campaign, buyer or prospect that the events are joined with.
    target: Cell,
    count: i64,
    shown_count: String,
    first_seen: Option<LocalTime>,
    last_seen: Option<LocalTime>,
    /// The end of the decision, in words.
    until: &'static str,
    fields: Vec<(&'static str, String)>,
}

/// The words of a decision.
struct Words {
    title: &'static str,
    action: &'static str,
    button: &'static str,
}

const MEND: Words = Words { title: "Mend parked events", action: "/parked/mend/", button: "Mend" };
const IGNORE: Words = Words { title: "Ignore parked events", action: "/parked/ignore/", button: "Ignore" };
const WAIT: Words =
    Words { title: "Let ignored events wait again", action: "/parked/wait-again/", button: "Let wait again" };

/// `POST /parked/mend/`.
pub async fn submit_mend(State(app): State<App>, call: Call<()>, form: Form) -> Result<Response, PageError> {
    let done = match read_mend(&app, body::<MendParkedRequest>(&form)).await {
        Ok(wanted) => decide(&app, &call, &form, wanted, &MEND).await,
        Err(error) => Err(error.into()),
    };
    back_if_refused(&app, &call, &form, done).await
}

/// `POST /parked/ignore/`.
pub async fn submit_ignore(
    State(app): State<App>,
    call: Call<()>,
    form: Form,
) -> Result<Response, PageError> {
    let done = match read_ignore(&app, body::<IgnoreParkedRequest>(&form)).await {
        Ok(wanted) => decide(&app, &call, &form, wanted, &IGNORE).await,
        Err(error) => Err(error.into()),
    };
    back_if_refused(&app, &call, &form, done).await
}

/// `POST /parked/wait-again/`.
pub async fn submit_wait_again(
    State(app): State<App>,
    call: Call<()>,
    form: Form,
) -> Result<Response, PageError> {
    let done = wait_again(&app, &call, &form).await;
    back_if_refused(&app, &call, &form, done).await
}

async fn wait_again(app: &App, call: &Call<()>, form: &Form) -> Result<Response, Failure> {
    let (subject, confirmation, count) = read_wait_again(app, body::<WaitAgainRequest>(form)).await?;
    if confirmation.expected.is_none() {
        return Ok(confirm(app, call, form, &subject, count.into(), &WAIT).await?);
    }
    let n_events = count.confirmed(confirmation)?;
    let_wait(app, call, &subject, n_events).await?.commit().await?;
    Ok(Redirect::to(&back_to(form)).into_response())
}

async fn decide(
    app: &App,
    call: &Call<()>,
    form: &Form,
    mut wanted: DecisionDraft,
    words: &Words,
) -> Result<Response, Failure> {
    // The first form has no count yet.
    wanted.confirmation.dry_run = wanted.confirmation.expected.is_none();
    let subject = wanted.subject.clone();
    match wanted.step(app).await? {
        Step::Count(count) => Ok(confirm(app, call, form, &subject, count, words).await?),
        Step::Decide(new) => {
            let (transaction, row) = make(app, call, &new).await?;
            transaction.commit().await?;
            Ok(Redirect::to(&format!("/parked/decisions/{}/", row.id)).into_response())
        }
    }
}

/// Shows the count and a form that confirms it.
async fn confirm(
    app: &App,
    call: &Call<()>,
    form: &Form,
    subject: &Subject,
    count: ParkedCountResponse,
    words: &Words,
) -> Result<Response, PageError> {
    let form = narrowed(form);
    let mut fields: Vec<(&'static str, String)> =
        REPEATED.iter().map(|name| (*name, form.text(name).to_owned())).collect();
    fields.retain(|(_, value)| !value.is_empty());
    let is_alike = subject.event_id.is_none();
    let until = match count.until.as_str() {
        _ if !is_alike || words.action == WAIT.action => "",
        FOR_EVER => "Later events like these are treated in the same way, until you revoke it.",
        _ => "Later events like these are not affected.",
    };
    if is_alike {
        fields.push(("until", count.until.clone()));
    }
    let zone = call.allowed.viewer.time_zone;
    let local = |time: &str| time_ms(time).map(|ms| LocalTime::new(ms, zone));
    fields.push(("expected", count.count.to_string()));
    fields.push(("counted_at", count.counted_at.clone()));
    render(&ConfirmPage {
        frame: Frame::new(&call.allowed, Section::Parked),
        title: words.title,
        action: words.action,
        button: words.button,
        event: form.text("event").to_owned(),
        about: named(&subject.reason, &subject.reference),
        target: target(app, &form).await?,
        count: count.count,
        shown_count: format::number(count.count),
        first_seen: count.first_seen.as_deref().and_then(local),
        last_seen: count.last_seen.as_deref().and_then(local),
        until,
        fields,
    })
}

/// Returns the thing that the form names for the events.
async fn target(app: &App, form: &Form) -> Result<Cell, ApiError> {
    let id = |name: &str| form.text(name).parse::<i64>().ok();
    for (name, refers) in [("campaign_id", Refers::Campaign), ("user_id", Refers::User)] {
        if let Some(id) = id(name) {
            return Ok(Names::load(app, vec![(refers, id)]).await?.cell(refers, id, ""));
        }
    }
    Ok(match form.text("prospect_id") {
        "" => Cell::None,
        id => Cell::Whole(id.to_owned()),
    })
}

/// A form that was not accepted.
enum Failure {
    /// With this error, which its page shows.
    Refused(ApiError),
    Page(PageError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<PageError> for Failure {
    fn from(error: PageError) -> Self {
        Self::Page(error)
    }
}

/// Shows the event from whose page the form came, with the reason why it was not accepted.
async fn back_if_refused(
    app: &App,
    call: &Call<()>,
    form: &Form,
    done: Result<Response, Failure>,
) -> Result<Response, PageError> {
    let error = match done {
        Ok(response) => return Ok(response),
        Err(Failure::Page(error)) => return Err(error),
        Err(Failure::Refused(error)) => error,
    };
    let is_about_form = matches!(error.status(), StatusCode::BAD_REQUEST | StatusCode::CONFLICT);
    if !is_about_form || form.text("event").is_empty() {
        return Err(error.into());
    }
    let refused = Refused { sentence: error.sentence(), status: error.status() };
    show(app, &call.allowed, form.text("event"), Some(refused)).await
}

fn back_to(form: &Form) -> String {
    let event = form.text("event");
    // A form that somebody has made up leads nowhere else.
    let is_id = event.parse::<uuid::Uuid>().is_ok();
    if is_id { format!("/parked/{event}/") } else { "/parked/".to_owned() }
}

fn body<T: Request>(form: &Form) -> Body<T> {
    Body::of(Fields::from(narrowed(form)))
}

/// The form with the fields of the choice that was made: this event, or all alike.
fn narrowed(form: &Form) -> Form {
    match form.text("scope") {
        "one" => form.clone().without(&["reason", "reference", "until"]),
        "alike" => form.clone().without(&["event_id"]),
        _ => form.clone(),
    }
}
