//! `GET /api/audit/list/`: the audit trail. For Owners.

use axum::extract::State;
use axum::response::Response;
use chrono::DateTime;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::audit::model::AuditLineResponse;
use crate::db::audit::{self, AuditFilter, AuditRow, SORTING};
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::fields::types::text;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::{Moment, Params};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{Param, Search, query};
use crate::time_zone::TimeZone;

/// The maximum length of a filter.
const MAX_WORD_CHARS: usize = 100;
/// The minimum length of `q`.
const MIN_Q_CHARS: usize = 3;

page_query! {
    /// The order and the page.
    pub struct AuditPageQuery of SORTING;
}

/// An exact word of a line.
#[derive(Debug, Clone)]
pub struct Word(pub Option<String>);

impl Param for Word {
    fn read(params: &mut Params, name: &'static str) -> Self {
        let text = params.text(name).map(str::to_owned);
        if text.as_ref().is_some_and(|text| text.chars().count() > MAX_WORD_CHARS) {
            params.fail(name, format!("Ensure this field has no more than {MAX_WORD_CHARS} characters."));
        }
        Self(text)
    }

    fn schema() -> RefOr<Schema> {
        text().max_length(Some(MAX_WORD_CHARS)).into()
    }
}

/// A text to search for. The trigram index needs three characters: a shorter text would read every
/// line.
#[derive(Debug, Clone)]
pub struct LongSearch(pub Search);

impl Param for LongSearch {
    fn read(params: &mut Params, name: &'static str) -> Self {
        let search = Search::read(params, name);
        if !search.0.is_empty() && search.0.chars().count() < MIN_Q_CHARS {
            params.fail(name, format!("Ensure this field has at least {MIN_Q_CHARS} characters."));
        }
        Self(search)
    }

    fn schema() -> RefOr<Schema> {
        text().min_length(Some(MIN_Q_CHARS)).into()
    }
}

query! {
    /// The filters of the audit trail.
    pub struct ListAuditQuery {
        /// Only lines of this user.
        pub actor_id: Option<i64>,
        /// Like in paths: `users`, `teams`, `funds/requests`.
        pub resource: Word,
        /// Only lines about the thing with this id. With `resource`: the history of one thing.
        pub resource_id: Word,
        /// For example `create`, `update`, `delete`, `restore`.
        pub verb: Word,
        /// RFC 3339, or a date in `tz`.
        pub from: Option<Moment>,
        /// RFC 3339, or a date in `tz`, which is included.
        pub to: Option<Moment>,
        /// The time zone of dates; by default the viewer's.
        pub tz: Option<TimeZone>,
        /// A part of a name, an address, an id or a value; at least 3 characters.
        pub q: LongSearch,
    }
}

/// List the audit trail
///
/// For Owners.
#[utoipa::path(
    get, path = "/api/audit/list/", tag = "audit", params(AuditPageQuery, ListAuditQuery),
    responses((status = 200, description = "Lines, newest first", body = Vec<AuditLineResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_audit(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let page = collect(&app, &allowed, params, limit).await?;
    Ok(listing.answer(&page.map(AuditLineResponse::from)))
}

/// Loads a page of lines by the parameters.
///
/// # Errors
/// 400 for a wrong parameter.
pub async fn collect(
    app: &App,
    allowed: &Allowed,
    mut params: Params,
    limit: u32,
) -> Result<Page<AuditRow>, ApiError> {
    let order = params.order(&SORTING, limit);
    let query = ListAuditQuery::read(&mut params);
    let range = params.range(query.from, query.to, query.tz.unwrap_or(allowed.viewer.time_zone));
    let filter = AuditFilter {
        actor_id: query.actor_id,
        resource: query.resource.0,
        resource_id: query.resource_id.0,
        verb: query.verb.0,
        from: DateTime::from_timestamp_millis(range.from_ms).unwrap_or_default(),
        // The whole last millisecond: the database has microseconds.
        to: DateTime::from_timestamp_micros(range.to_ms * 1000 + 999).unwrap_or_default(),
        q: query.q.0.pattern(),
    };
    params.finish()?;
    let rows = audit::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}
