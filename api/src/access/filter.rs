//! The filters that logins and tokens share.

use chrono::DateTime;

use crate::db::logins::AccessFilter;
use crate::db::time_of;
use crate::http::allowed::Allowed;
use crate::http::query::Params;
use crate::http::state::App;

/// Reads the filters. Errors stay in `params`.
pub fn read(app: &App, allowed: &Allowed, params: &mut Params) -> AccessFilter {
    let range = params.time_range(allowed.viewer.time_zone);
    AccessFilter {
        now: time_of(&app.clock),
        user_id: params.id("user_id"),
        kind: None,
        from: DateTime::from_timestamp_millis(range.from_ms).unwrap_or_default(),
        // The whole last millisecond: the database has microseconds.
        to: DateTime::from_timestamp_micros(range.to_ms * 1000 + 999).unwrap_or_default(),
        q: params.q_pattern(),
    }
}
