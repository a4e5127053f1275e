//! Data that all parts of the home page need.

use chrono::{DateTime, Utc};

use crate::dates::control::Dates;
use crate::db::scope::EventScope;
use crate::http::allowed::Allowed;
use crate::http::state::App;

/// A request of the page.
#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) app: &'a App,
    pub(super) allowed: &'a Allowed,
    /// The scope of events.
    pub(super) scope: &'a EventScope,
    pub(super) dates: &'a Dates,
    /// Oldest event or registration; only for all dates.
    pub(super) earliest_ms: i64,
}

/// Returns a moment in the type of the Postgres driver.
pub(super) fn time(at_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at_ms).unwrap_or(DateTime::UNIX_EPOCH)
}
