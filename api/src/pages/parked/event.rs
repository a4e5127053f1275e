//! `/parked/<event id>/`: one parked event, why it waits, its contents, and the forms.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::db::parked::ParkedRow;
use crate::db::parked_decisions::{self, ChoiceRow};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::path_id::PathText;
use crate::http::state::App;
use crate::pages::format::{self, LocalTime};
use crate::pages::parked::{named, story};
use crate::parked::contents::Contents;
use crate::parked::decide::Subject;
use crate::parked::detail;

/// The most choices of a form.
const MAX_CHOICES: i64 = 1000;

/// The fields of a form that was refused.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    pub sentence: String,
    pub status: StatusCode,
}

#[derive(Template)]
#[template(path = "parked_event.html")]
struct ParkedEventPage {
    frame: Frame,
    zone: &'static str,
    id: String,
    kind: String,
    state: String,
    reason: String,
    reference: String,
    about: String,
    story: String,
    first_seen: LocalTime,
    last_tried: LocalTime,
    decision: Option<u64>,
    contents: Option<Contents>,
    is_waiting: bool,
    can_wait_again: bool,
    is_prospect: bool,
    is_order: bool,
    /// The number of events like it that wait, or that are ignored and can wait again.
    n_alike: String,
    campaigns: Vec<ChoiceRow>,
    users: Vec<ChoiceRow>,
    error: String,
}

/// `GET /parked/<event id>/`.
pub async fn show_parked(
    State(app): State<App>,
    id: Result<PathText, ApiError>,
    allowed: Allowed,
) -> Result<Response, PageError> {
    let PathText(id) = id?;
    show(&app, &allowed, &id, None).await
}

/// Shows an event, with the reason why a form was not accepted.
pub(super) async fn show(
    app: &App,
    allowed: &Allowed,
    id: &str,
    refused: Option<Refused>,
) -> Result<Response, PageError> {
    let row = detail::find(app, id).await?;
    let zone = allowed.viewer.time_zone;
    let (is_waiting, can_wait_again) = (row.state == "waiting", row.can_wait_again());
    let alike = Subject { event_id: None, reason: row.reason.clone(), reference: row.reference.clone() };
    let is_prospect = is_waiting && row.kind == "prospect";
    let (n_alike, (campaigns, users)) = futures::try_join!(
        async { Ok::<_, ApiError>(alike.count(app, i64::MAX, can_wait_again).await?.n_events) },
        async { if is_prospect { choices(app).await } else { Ok((Vec::new(), Vec::new())) } },
    )?;
    let contents = Contents::of(allowed.grant, &row);
    let ParkedRow { event_id, kind, reason, state, reference, decision, note, .. } = row;
    let page = ParkedEventPage {
        frame: Frame::new(allowed, Section::Parked),
        zone: zone.name(),
        id: event_id.to_string(),
        story: story(&state, &reason, &reference, &note),
        about: named(&reason, &reference),
        first_seen: LocalTime::new(row.first_seen_ms, zone),
        last_tried: LocalTime::new(row.last_tried_ms, zone),
        decision: (decision != 0).then_some(decision),
        contents,
        is_waiting,
        can_wait_again,
        is_prospect,
        is_order: is_waiting && kind == "order",
        n_alike: format::number(i64::try_from(n_alike).unwrap_or(i64::MAX)),
        campaigns,
        users,
        kind,
        state,
        reason,
        reference,
        error: refused.as_ref().map(|refused| refused.sentence.clone()).unwrap_or_default(),
    };
    let mut response = render(&page)?.into_response();
    if let Some(refused) = refused {
        *response.status_mut() = refused.status;
    }
    Ok(response)
}

async fn choices(app: &App) -> Result<(Vec<ChoiceRow>, Vec<ChoiceRow>), ApiError> {
    Ok(futures::try_join!(
        parked_decisions::campaigns(&app.postgres, MAX_CHOICES),
        parked_decisions::users(&app.postgres, MAX_CHOICES),
    )?)
}
