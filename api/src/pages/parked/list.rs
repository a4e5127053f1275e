//! `/parked/`: parked events. `?q=` searches ids, references and contents.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::dates::control::{Control, Dates, DatesView};
use crate::dates::range::Present;
use crate::db::parked::ParkedRow;
use crate::db::parked_decisions;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::{Listing, Page};
use crate::http::query::{Params, with_param};
use crate::http::state::App;
use crate::pages::cell::Cell;
use crate::pages::form::Messages;
use crate::pages::format::{self, LocalTime, Shortened, or_none};
use crate::pages::listing::{ListView, TimeOrder, label_of};
use crate::pages::parked::{DecisionView, named};
use crate::pages::table::{status_class, time_ms};
use crate::parked::counts;
use crate::parked::list::{STATES, collect};
use crate::parked::model::{AlikeCountResponse, LostCountResponse, ReasonCountResponse};
use crate::parked::progress::with_progress;
use crate::time_zone::TimeZone;

/// The lines of the tables above the list.
const N_ALIKE: u32 = 10;
const N_DECISIONS: i64 = 20;

/// A row of the list.
#[derive(Debug)]
pub struct ParkedView {
    pub id: String,
    /// The end of the id.
    pub end: String,
    pub kind: String,
    pub reason: String,
    pub state: String,
    /// The class of the state: its color and shape.
    pub class: &'static str,
    pub reference: Shortened,
    pub first_seen: LocalTime,
    pub last_tried: LocalTime,
}

/// The numbers of one reason.
#[derive(Debug)]
pub struct ReasonView {
    pub reason: String,
    /// Link to the waiting events.
    pub href: String,
    pub waiting: String,
    pub replayed: String,
    pub ignored: String,
    pub oldest: Option<LocalTime>,
}

/// Events that are alike.
#[derive(Debug)]
pub struct AlikeView {
    pub about: Shortened,
    pub href: String,
    pub state: String,
    pub count: String,
}

#[derive(Template)]
#[template(path = "parked.html")]
struct ParkedPage {
    frame: Frame,
    list: ListView,
    dates: DatesView,
    /// Messages, with the id of the place where each is repeated.
    problems: Vec<(Option<String>, String)>,
    order: TimeOrder,
    state: String,
    states: &'static [&'static str],
    /// Filters without a control, which the form keeps.
    reason: String,
    reference: String,
    rows: Vec<ParkedView>,
    reasons: Vec<ReasonView>,
    alike: Vec<AlikeView>,
    lost: Vec<String>,
    decisions: Vec<DecisionView>,
}

/// `GET /parked/`.
///
/// # Errors
/// 503 when a database is down. A wrong parameter is a 400 with the page and without rows.
pub async fn list_parked_page(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let list = ListView::read(&mut params, listing.query(), ["state", "reason", "reference"]);
    let viewer = Present::of(&allowed.viewer, app.clock.now_ms());
    let dates = Dates::read(&mut params, listing.query(), viewer, Control::LIST);
    let zone = dates.present.zone;
    let text = |name: &str| params.text(name).unwrap_or_default().to_owned();
    let (state, reason, reference) = (text("state"), text("reason"), text("reference"));
    let (found, counts, decisions) = futures::try_join!(
        async { Ok(found(&app, params, &dates, list.per_page).await) },
        counts::count(&app, N_ALIKE),
        async { Ok(parked_decisions::list(&app.postgres, Some(true), None, N_DECISIONS).await?) },
    )?;
    let decisions = with_progress(&app.clickhouse, decisions).await?;
    let (page, messages) = match found {
        Ok(page) => (page, Messages::new()),
        Err(error) => (Page { items: Vec::new(), next: None }, error.messages().cloned().ok_or(error)?),
    };
    let list = list.limited_to(&dates).followed_by(listing.query(), page.next.as_deref());
    let dates = dates.view();
    let problems = messages.iter().map(|(name, texts)| {
        let id = if name == "state" { Some(name.clone()) } else { dates.id_of(name) };
        (id, format!("{}: {}", label_of(name), texts.join(" ")))
    });
    let mut response = render(&ParkedPage {
        frame: Frame::new(&allowed, Section::Parked),
        order: TimeOrder::of(&list.sort, listing.query()),
        list,
        problems: problems.collect(),
        dates,
        state,
        states: &STATES,
        reason,
        reference,
        rows: page.items.into_iter().map(|row| ParkedView::new(row, zone)).collect(),
        reasons: counts.by_reason.into_iter().map(|count| ReasonView::new(count, zone)).collect(),
        alike: counts.alike.into_iter().map(AlikeView::from).collect(),
        lost: counts.lost_last_day.iter().map(lost_sentence).collect(),
        decisions: decisions
            .into_iter()
            .map(|(row, progress)| DecisionView::new(row, progress, zone))
            .collect(),
    })?;
    if !messages.is_empty() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

async fn found(app: &App, params: Params, dates: &Dates, limit: u32) -> Result<Page<ParkedRow>, ApiError> {
    params.finish()?;
    let asked = Params::parse(Some(&dates.api_query()));
    collect(app, asked, dates.present.zone, limit).await
}

impl ParkedView {
    fn new(row: ParkedRow, zone: TimeZone) -> Self {
        Self {
            end: Cell::end_of(&row.event_id.to_string()),
            id: row.event_id.to_string(),
            kind: row.kind,
            reason: row.reason.replace('_', " "),
            class: status_class(&row.state),
            state: row.state,
            reference: Shortened::new(or_none(row.reference)),
            first_seen: LocalTime::new(row.first_seen_ms, zone),
            last_tried: LocalTime::new(row.last_tried_ms, zone),
        }
    }
}

impl ReasonView {
    fn new(count: ReasonCountResponse, zone: TimeZone) -> Self {
        Self {
            reason: named(&count.reason, ""),
            href: format!("?state=waiting&reason={}", count.reason),
            waiting: number(count.waiting),
            replayed: number(count.replayed),
            ignored: number(count.ignored),
            oldest: count.oldest_waiting.as_deref().and_then(time_ms).map(|ms| LocalTime::new(ms, zone)),
        }
    }
}

impl From<AlikeCountResponse> for AlikeView {
    fn from(count: AlikeCountResponse) -> Self {
        let query = with_param(None, "state", Some(&count.state));
        let query = with_param(Some(&query), "reason", Some(&count.reason));
        let query = with_param(Some(&query), "reference", Some(&count.reference));
        Self {
            about: Shortened::new(named(&count.reason, &count.reference)),
            href: format!("?{query}"),
            state: count.state,
            count: number(count.count),
        }
    }
}

fn lost_sentence(lost: &LostCountResponse) -> String {
    let count = number(lost.count);
    match lost.outcome.as_str() {
        "expired" => format!("{count} events have waited too long, and were deleted."),
        _ => format!("{count} events with {} were not kept: too many are parked.", named(&lost.reason, "")),
    }
}

fn number(count: u64) -> String {
    format::number(i64::try_from(count).unwrap_or(i64::MAX))
}
