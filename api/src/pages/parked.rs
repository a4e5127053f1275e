//! `/parked/`: parked events. `?q=` searches ids, references and contents.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::db::parked::{self, ParkedFilter, ParkedRow};
use crate::http::allowed::Allowed;
use crate::http::page::{Frame, PageError, Section, render};
use crate::http::paging::{Listing, Page};
use crate::http::query::event_cursor;
use crate::http::state::App;
use crate::pages::format::{LocalTime, Shortened, or_none};
use crate::pages::listing::ListView;

/// Choices of the filter `state`. The first, empty one is the default and means any state.
const STATES: [&str; 4] = ["", "waiting", "replayed", "ignored"];

/// A row of the list.
#[derive(Debug)]
pub struct ParkedView {
    pub id: String,
    pub kind: String,
    pub reason: String,
    pub state: String,
    pub color: &'static str,
    pub reference: Shortened,
    pub first_seen: LocalTime,
    pub last_tried: LocalTime,
    pub is_waiting_order: bool,
}

#[derive(Template)]
#[template(path = "parked.html")]
struct ParkedPage {
    frame: Frame,
    list: ListView,
    zone: &'static str,
    state: String,
    states: &'static [&'static str],
    rows: Vec<ParkedView>,
}

/// `GET /parked/`.
pub async fn list_parked_page(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let list = ListView::read(&mut params, listing.query(), false);
    let zone = allowed.viewer.time_zone;
    let range = params.time_range(zone);
    let state = params.choice("state", &STATES);
    let filter = ParkedFilter {
        kind: "",
        state: state.to_owned(),
        from_ms: range.from_ms,
        to_ms: range.to_ms,
        q: params.q(),
        is_ascending: params.is_ascending("time", false),
        after: params.event_cursor(),
        limit: list.per_page + 1,
    };
    params.finish()?;
    let rows = parked::list(&app.clickhouse, &filter).await?;
    let page = Page::of(rows, list.per_page, |row| event_cursor(row.first_seen_ms, row.event_id));
    let next = page.next.clone();
    let view = |row: ParkedRow| ParkedView {
        is_waiting_order: row.kind == "order" && row.state == "waiting",
        id: row.event_id.to_string(),
        kind: row.kind,
        reason: row.reason.replace('_', " "),
        color: if row.state == "waiting" { "orange" } else { "secondary" },
        state: row.state,
        reference: Shortened::new(or_none(row.reference)),
        first_seen: LocalTime::new(row.first_seen_ms, zone),
        last_tried: LocalTime::new(row.last_tried_ms, zone),
    };
    render(&ParkedPage {
        frame: Frame::new(&allowed, Section::Parked),
        list: list.followed_by(listing.query(), next.as_deref()),
        zone: zone.name(),
        state: state.to_owned(),
        states: &STATES[1..],
        rows: page.items.into_iter().map(view).collect(),
    })
}
