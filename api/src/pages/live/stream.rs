//! The stream of `/live/`: what the feed has since the page was made, within the viewer's scope and
//! filter.
//!
//! A stream lasts half a minute, and then the browser asks again where it stopped. So a login that
//! has ended, another position and another team count within that time, by the guard alone.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template as _;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use serde_json::json;
use sluice_schemas::live::{LeftOut, LiveRow};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::page::PageError;
use crate::http::paging::Listing;
use crate::http::state::App;
use crate::http::streams::StreamPlace;
use crate::live_feed::Shown;
use crate::pages::live::MAX_ROWS;
use crate::pages::live::filter::LiveFilter;
use crate::pages::live::row::Rows;

/// The time after which the browser must ask again.
const LASTS: Duration = Duration::from_secs(30);
/// The least time between two messages.
const PAUSE: Duration = Duration::from_millis(700);
/// The pause before the browser asks again.
const RETRY: Duration = Duration::from_secs(1);

/// An open stream.
struct Viewing {
    app: App,
    scope: EventScope,
    filter: LiveFilter,
    rows: Rows,
    /// `None` if the feed could not be reached yet.
    position: Option<i64>,
    changed: watch::Receiver<()>,
    until: Instant,
    is_first: bool,
    was_fed: bool,
    _place: StreamPlace,
}

/// `GET /live/events/`: events `news` with rows, oldest first.
///
/// # Errors
/// 400 for a wrong parameter. 429 if the viewer has too many streams.
pub async fn stream_live(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let mut params = listing.params();
    let filter = LiveFilter::read(&mut params, &allowed);
    let read = |text: &str| text.parse::<i64>().ok().filter(|position| *position >= 0);
    let after = params.parsed("after", read, |_| "A valid integer is required.".to_owned());
    params.finish()?;
    // The position at which the browser stopped, if it asks again.
    let last = headers.get("last-event-id").and_then(|id| read(id.to_str().ok()?));
    let place = app.streams.enter(allowed.viewer.id)?;
    let scope = EventScope::load(&app.postgres, &allowed.viewer, allowed.grant.scope).await?;
    let viewing = Viewing {
        scope,
        filter,
        rows: Rows::new(allowed.viewer.time_zone, listing.query()),
        position: last.or(after).or_else(|| app.live.position()),
        changed: app.live.watch(),
        until: Instant::now() + LASTS,
        is_first: true,
        was_fed: false,
        _place: place,
        app,
    };
    let events = stream::unfold(viewing, |mut viewing| async move {
        // Postgres is down, or the time is over: the browser asks again.
        let event = viewing.next().await.ok().flatten()?;
        Some((Ok::<_, Infallible>(event), viewing))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Viewing {
    /// Waits for the next event; `None` when the stream ends.
    async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        loop {
            if !self.is_first {
                let next = async {
                    tokio::time::sleep(PAUSE).await;
                    self.changed.changed().await
                };
                if !matches!(tokio::time::timeout_at(self.until, next).await, Ok(Ok(()))) {
                    return Ok(None);
                }
            }
            if self.app.live.is_closed() {
                return Ok(None);
            }
            self.changed.mark_unchanged();
            if let Some(event) = self.take().await? {
                return Ok(Some(event));
            }
        }
    }

    /// Makes an event of the news of the feed, if there are any for the viewer.
    async fn take(&mut self) -> Result<Option<Event>, ApiError> {
        let is_fed = self.app.live.position().is_some();
        let position = self.position.or_else(|| self.app.live.position());
        let news = position.and_then(|position| self.app.live.since(position));
        self.position = news.as_ref().map_or(position, |news| Some(news.position));
        let messages = news.as_ref().map(|news| news.messages.as_slice()).unwrap_or_default();
        let is_cut = news.as_ref().is_some_and(|news| news.is_cut);
        let (shown, n_left_out) = self.select(messages);
        let is_changed = self.is_first || is_cut || is_fed != self.was_fed;
        if shown.is_empty() && n_left_out == 0 && !is_changed {
            return Ok(None);
        }
        self.rows.load_names(&self.app, &shown).await?;
        let mut rows = Vec::with_capacity(shown.len());
        for row in &shown {
            let html = self.rows.view(row).render().map_err(|error| ApiError::internal(&error))?;
            rows.push(json!({"id": row.id, "html": html.trim()}));
        }
        (self.is_first, self.was_fed) = (false, is_fed);
        let data = json!({"rows": rows, "left_out": n_left_out, "is_cut": is_cut, "is_fed": is_fed});
        let event = Event::default().event("news").retry(RETRY).data(data.to_string());
        Ok(Some(match self.position {
            Some(position) => event.id(position.to_string()),
            None => event,
        }))
    }

    /// Returns the rows for the viewer, oldest first, and the number of events that are left out.
    fn select(&self, messages: &[Arc<Shown>]) -> (Vec<LiveRow>, u64) {
        let is_shown = |row: &&LiveRow| {
            self.filter.has(row) && self.scope.includes(row.user_id, row.team_id, row.time_ms)
        };
        let mut rows: Vec<LiveRow> =
            messages.iter().flat_map(|message| message.rows.iter().rev()).filter(is_shown).cloned().collect();
        let n_older = rows.len().saturating_sub(MAX_ROWS);
        rows.drain(..n_older);
        let is_counted = |left: &&LeftOut| {
            (self.filter.user_id == 0 || self.filter.user_id == left.user_id)
                && self.scope.includes(left.user_id, left.team_id, left.time_ms)
        };
        let left_out = messages.iter().flat_map(|message| &message.left_out).filter(is_counted);
        (rows, left_out.map(|left| left.count).sum::<u64>() + n_older as u64)
    }
}
