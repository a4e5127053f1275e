//! The age of the last stored event, for the frame of every page. ClickHouse is asked every few
//! seconds at most.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use clickhouse::Client;

use crate::db::waiting::{self, StoredEvents};

/// The time for which an answer is shown.
const KEPT: Duration = Duration::from_secs(2);
/// A frame does not wait longer for ClickHouse.
const PATIENCE: Duration = Duration::from_millis(300);

/// The last answer.
#[derive(Debug, Default)]
pub struct Freshness(Mutex<Option<(Instant, StoredEvents)>>);

impl Freshness {
    /// Returns what is known. Without ClickHouse nothing is known, and pages show nothing.
    pub async fn read(&self, clickhouse: &Client) -> StoredEvents {
        if let Some(known) = self.known() {
            return known;
        }
        // Of the requests that come meanwhile only this one asks.
        self.remember(self.last());
        let asked = tokio::time::timeout(PATIENCE, waiting::events(clickhouse)).await;
        let events = asked.ok().and_then(Result::ok).unwrap_or_default();
        self.remember(events);
        events
    }

    fn known(&self) -> Option<StoredEvents> {
        let last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.filter(|(asked, _)| asked.elapsed() < KEPT).map(|(_, events)| events)
    }

    fn last(&self) -> StoredEvents {
        let last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.map(|(_, events)| events).unwrap_or_default()
    }

    fn remember(&self, events: StoredEvents) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some((Instant::now(), events));
    }
}
