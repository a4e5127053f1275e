//! The filters that logins and tokens share.

use chrono::DateTime;

use crate::db::access::AccessFilter;
use crate::db::time_of;
use crate::http::allowed::Allowed;
use crate::http::query::{Moment, Params};
use crate::http::state::App;
use crate::http::typed_query::{Search, query};
use crate::time_zone::TimeZone;

query! {
    /// The filters of lists of logins and tokens.
    pub struct ListAccessQuery {
        /// Only of this user.
        pub user_id: Option<i64>,
        /// First time of creation, inclusive: RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// Last time of creation, inclusive: RFC 3339, or a date in `tz`, of which the whole day is
        /// included.
        pub to: Option<Moment>,
        /// IANA time zone, for example `Europe/Berlin`. The default is the viewer's.
        pub tz: Option<TimeZone>,
        /// Part of a username; of an address or a user agent of a login; of the name or the first
        /// characters of a token.
        pub q: Search,
    }
}

/// Reads the filters. Errors stay in `params`.
pub fn read(app: &App, allowed: &Allowed, params: &mut Params) -> AccessFilter {
    let query = ListAccessQuery::read(params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    AccessFilter {
        now: time_of(&app.clock),
        user_id: query.user_id,
        kind: None,
        from: DateTime::from_timestamp_millis(range.from_ms).unwrap_or_default(),
        // The whole last millisecond: the database has microseconds.
        to: DateTime::from_timestamp_micros(range.to_ms * 1000 + 999).unwrap_or_default(),
        q: query.q.patterns(),
    }
}
