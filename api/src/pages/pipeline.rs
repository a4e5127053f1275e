//! `/pipeline/`: the loss audit, by minute, hour or day, and by lane. For Owners.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::DateTime;

use crate::dates::control::{Control, Dates, DatesView};
use crate::dates::range::{Present, Preset};
use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::pages::format::{self, LocalTime};
use crate::pipeline::audit;
use crate::pipeline::model::{
    AuditCountsResponse, AuditInterval, AuditRowResponse, AuditState, LaneResponse,
};
use crate::time_zone::TimeZone;

const CONTROL: Control = Control { default: Preset::Last24Hours, has_compare: false, has_interval: false };

/// A row of the table by time.
#[derive(Debug)]
pub struct RowView {
    pub label: String,
    pub iso: String,
    pub state: StateView,
    pub counts: CountsView,
    pub lanes: Vec<String>,
}

/// A state in words, with the color and the shape of its badge.
#[derive(Debug, Clone, Copy)]
pub struct StateView {
    pub word: &'static str,
    pub class: &'static str,
}

/// Counts with their digits in groups.
#[derive(Debug)]
pub struct CountsView {
    pub numbered: String,
    pub stored: String,
    pub parked: String,
    pub dropped: String,
    pub missing: String,
    pub replayed: String,
    pub expired: String,
}

/// A row of the table of lanes.
#[derive(Debug)]
pub struct LaneView {
    pub lane: String,
    pub state: StateView,
    pub numbered: String,
    pub stored: String,
    pub parked: String,
    pub dropped: String,
    pub difference: String,
    pub updated: LocalTime,
}

#[derive(Template)]
#[template(path = "pipeline.html")]
struct PipelinePage {
    frame: Frame,
    dates: DatesView,
    /// Messages about the dates, with the id of the place where each is repeated.
    problems: Vec<(Option<String>, String)>,
    zone: &'static str,
    interval: &'static str,
    rows: Vec<RowView>,
    total: CountsView,
    lanes: Vec<LaneView>,
    n_gaps: usize,
}

/// `GET /pipeline/`.
///
/// # Errors
/// 400 for wrong dates, with the form. 503 without ClickHouse.
pub async fn show_pipeline(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let is_default = ["range", "from", "to"].iter().all(|name| params.text(name).is_none());
    let viewer = Present::of(&allowed.viewer, app.clock.now_ms());
    let dates = Dates::read(&mut params, listing.query(), viewer, CONTROL);
    let mut view = dates.view();
    let zone = dates.present.zone;
    let problems = params.messages().map(|(name, text)| (view.id_of(name), text.to_owned())).collect();
    let mut page = PipelinePage {
        frame: Frame::new(&allowed, Section::Pipeline),
        problems,
        zone: zone.name(),
        interval: "",
        rows: Vec::new(),
        total: CountsView::from(&AuditCountsResponse::default()),
        lanes: Vec::new(),
        n_gaps: 0,
        dates: view.clone(),
    };
    if !page.problems.is_empty() {
        return Ok((StatusCode::BAD_REQUEST, render(&page)?).into_response());
    }
    let range = if is_default { audit::last_hour(&app) } else { dates.time_range() };
    let found = audit::load(&app, range, zone).await?;
    if is_default {
        "Last 60 minutes".clone_into(&mut view.title);
        view.presets.iter_mut().for_each(|preset| preset.is_current = false);
        page.dates = view;
    }
    page.interval = match found.interval {
        AuditInterval::Minute => "Minute",
        AuditInterval::Hour => "Hour",
        AuditInterval::Day => "Day",
    };
    page.n_gaps = found.lanes.iter().filter(|lane| lane.state == AuditState::Gap).count();
    page.total = CountsView::from(&found.total);
    page.rows = found.rows.into_iter().map(|row| RowView::new(row, found.interval, zone)).collect();
    page.lanes = found.lanes.into_iter().map(|lane| LaneView::new(lane, zone)).collect();
    render(&page)
}

impl RowView {
    fn new(row: AuditRowResponse, interval: AuditInterval, zone: TimeZone) -> Self {
        let from_ms = moment(&row.from);
        let format = match interval {
            AuditInterval::Minute | AuditInterval::Hour => "%a %-d %b %H:%M %:z",
            AuditInterval::Day => "%a %-d %b %Y",
        };
        Self {
            label: zone.format(from_ms, format),
            iso: row.from,
            state: row.state.into(),
            counts: CountsView::from(&row.counts),
            lanes: row.lanes,
        }
    }
}

impl LaneView {
    fn new(lane: LaneResponse, zone: TimeZone) -> Self {
        Self {
            state: lane.state.into(),
            numbered: number(lane.numbered),
            stored: number(lane.stored),
            parked: number(lane.parked),
            dropped: number(lane.dropped),
            difference: format::number(lane.difference),
            updated: LocalTime::new(moment(&lane.updated_at), zone),
            lane: lane.lane,
        }
    }
}

impl From<AuditState> for StateView {
    fn from(state: AuditState) -> Self {
        let (word, class) = match state {
            AuditState::Balanced => ("Balanced", "sale"),
            AuditState::Settling => ("May still settle", "trash"),
            AuditState::Gap => ("Does not balance", "rejected"),
        };
        Self { word, class }
    }
}

impl From<&AuditCountsResponse> for CountsView {
    fn from(counts: &AuditCountsResponse) -> Self {
        Self {
            numbered: number(counts.numbered),
            stored: number(counts.stored),
            parked: number(counts.parked),
            dropped: number(counts.dropped),
            missing: number(counts.missing),
            replayed: number(counts.replayed),
            expired: number(counts.expired),
        }
    }
}

fn moment(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).map_or(0, |at| at.timestamp_millis())
}

fn number(count: u64) -> String {
    format::number(i64::try_from(count).unwrap_or(i64::MAX))
}
