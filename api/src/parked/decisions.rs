//! Decisions about parked events with their progress: a list, one, and its revocation.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::parked_decisions::{self, DecisionRow};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{DetailErrors, ListErrors, RemoveErrors};
use crate::http::paging::{Listing, Page};
use crate::http::path_id::PathId;
use crate::http::query::text_cursor;
use crate::http::state::App;
use crate::http::typed_query::{IdPageQuery, query, word};
use crate::parked::model::ParkedDecisionResponse;
use crate::parked::progress::{Progress, with_progress};
use crate::policy::Resource;

word! {
    /// The state of a decision.
    pub struct DecisionState of ["active", "revoked"];
}

query! {
    /// Query parameters of the list of decisions.
    pub struct ListDecisionsQuery {
        /// `active` or `revoked`.
        pub state: DecisionState,
    }
}

/// List decisions about parked events
#[utoipa::path(
    get, path = "/api/parked/decisions/list/", tag = "parked", params(IdPageQuery, ListDecisionsQuery),
    responses((status = 200, description = "Decisions, newest first", body = Vec<ParkedDecisionResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_parked_decisions(State(app): State<App>, listing: Listing) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let page = IdPageQuery::read(&mut params);
    let is_active = ListDecisionsQuery::read(&mut params).state.0.map(|state| state == "active");
    let (limit, before) = (page.limit.0, page.cursor.0);
    params.finish()?;
    let rows = parked_decisions::list(&app.postgres, is_active, before, i64::from(limit) + 1).await?;
    let page = Page::of(rows, limit, |row| text_cursor(&row.id.to_string()));
    let next = page.next;
    let items = with_progress(&app.clickhouse, page.items).await?;
    let items = items.into_iter().map(|(row, progress)| ParkedDecisionResponse::new(row, progress)).collect();
    Ok(listing.answer(&Page { items, next }))
}

/// Get a decision about parked events
#[utoipa::path(
    get, path = "/api/parked/decisions/detail/{id}/", tag = "parked", params(("id" = i64, Path)),
    responses((status = 200, description = "The decision", body = ParkedDecisionResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_parked_decision(
    State(app): State<App>,
    _allowed: Allowed,
    PathId(id): PathId,
) -> Result<Json<ParkedDecisionResponse>, ApiError> {
    let (row, progress) = find(&app, id).await?;
    Ok(Json(ParkedDecisionResponse::new(row, progress)))
}

/// Revoke a decision about parked events
///
/// Events that are stored stay stored. Events that still wait go on waiting, and ignored ones wait
/// again.
#[utoipa::path(
    post, path = "/api/parked/decisions/{id}/revoke/", tag = "parked", params(("id" = i64, Path)),
    responses((status = 204, description = "Revoked"), RemoveErrors),
    security(("bearer" = [])),
)]
pub async fn revoke_parked_decision(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    revoke(&app, &call).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns a decision with its progress.
///
/// # Errors
/// 404 if there is none.
pub async fn find(app: &App, id: i64) -> Result<(DecisionRow, Progress), ApiError> {
    let row = parked_decisions::find(&app.postgres, id).await?.ok_or_else(ApiError::not_found)?;
    let found = with_progress(&app.clickhouse, vec![row]).await?;
    found.into_iter().next().ok_or_else(ApiError::not_found)
}

/// Revokes a decision, with a line in the audit trail.
///
/// # Errors
/// 404 if there is none, 409 if it is revoked already.
pub async fn revoke(app: &App, call: &Call) -> Result<(), ApiError> {
    let row = parked_decisions::find(&app.postgres, call.id).await?.ok_or_else(ApiError::not_found)?;
    let mut transaction = call.allowed.begin(app).await?;
    if !parked_decisions::revoke(&mut transaction, call.id, call.allowed.viewer.id).await? {
        return Err(ApiError::conflict("The decision is revoked already."));
    }
    let diff = Diff::deleted(&ParkedDecisionResponse::new(row, Progress::default()));
    call.record(&mut transaction, "revoke", Resource::Parked, diff).await?;
    transaction.commit().await
}
