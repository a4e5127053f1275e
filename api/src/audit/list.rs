//! `GET /api/audit/list/`: the audit trail. For Owners.

use axum::extract::State;
use axum::response::Response;
use chrono::DateTime;
use utoipa::IntoParams;

use crate::audit::model::AuditLineResponse;
use crate::db::audit::{self, AuditFilter, AuditRow, SORTING};
use crate::db::like_pattern;
use crate::http::allowed::Allowed;
use crate::http::error::ApiError;
use crate::http::openapi::ListErrors;
use crate::http::paging::{Listing, Page};
use crate::http::query::Params;
use crate::http::sort::page_query;
use crate::http::state::App;

/// The maximum length of a filter.
const MAX_WORD_CHARS: usize = 100;
/// The minimum length of `q`.
const MIN_Q_CHARS: usize = 3;

page_query! {
    /// The order and the page.
    pub struct AuditPageQuery of SORTING;
}

/// The filters of the audit trail.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListAuditQuery {
    /// Only lines of this user.
    actor_id: Option<i64>,
    /// Like in paths: `users`, `teams`, `funds/requests`.
    resource: Option<String>,
    /// Only lines about the thing with this id. With `resource`: the history of one thing.
    resource_id: Option<String>,
    /// For example `create`, `update`, `delete`, `restore`.
    verb: Option<String>,
    /// RFC 3339, or a date in `tz`.
    from: Option<String>,
    /// RFC 3339, or a date in `tz`, which is included.
    to: Option<String>,
    /// The time zone of dates; by default the viewer's.
    tz: Option<String>,
    /// A part of a name, an address, an id or a value; at least 3 characters.
    #[param(min_length = 3)]
    q: Option<String>,
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
    let range = params.time_range(allowed.viewer.time_zone);
    let filter = AuditFilter {
        actor_id: params.id("actor_id"),
        resource: word(&mut params, "resource"),
        resource_id: word(&mut params, "resource_id"),
        verb: word(&mut params, "verb"),
        from: DateTime::from_timestamp_millis(range.from_ms).unwrap_or_default(),
        // The whole last millisecond: the database has microseconds.
        to: DateTime::from_timestamp_micros(range.to_ms * 1000 + 999).unwrap_or_default(),
        q: search(&mut params).map(|q| like_pattern(&q)),
    };
    params.finish()?;
    let rows = audit::list(&app.postgres, &filter, &order).await?;
    Ok(Page::ordered(rows, &order))
}

/// Reads `q`. The trigram index needs three characters; a shorter text would scan every line.
fn search(params: &mut Params) -> Option<String> {
    let q = Some(params.q()).filter(|q| !q.is_empty())?;
    if q.chars().count() < MIN_Q_CHARS {
        params.fail("q", format!("Ensure this field has at least {MIN_Q_CHARS} characters."));
    }
    Some(q)
}

fn word(params: &mut Params, name: &'static str) -> Option<String> {
    let text = params.text(name)?.to_owned();
    if text.chars().count() > MAX_WORD_CHARS {
        params.fail(name, format!("Ensure this field has no more than {MAX_WORD_CHARS} characters."));
    }
    Some(text)
}
