//! `/api/account/sessions/`: lists and ends the caller's logins, of browsers and programs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::DateTime;
use serde_json::json;
use uuid::Uuid;

use crate::account::model::{RevokeOthersResponse, SessionResponse};
use crate::db::audit::{Diff, record};
use crate::db::{sessions, time_of};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{DetailErrors, ListErrors};
use crate::http::paging::{Listing, Page};
use crate::http::query::event_cursor;
use crate::http::state::App;
use crate::http::typed_query::{Limit, TimeCursor, TimePageQuery};
use crate::policy::Resource;

/// List the caller's logins
#[utoipa::path(
    get, path = "/api/account/sessions/", tag = "account", params(TimePageQuery),
    responses((status = 200, description = "Active logins, newest first", body = Vec<SessionResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_sessions(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let TimePageQuery { limit: Limit(limit), cursor: TimeCursor(after) } = TimePageQuery::read(&mut params);
    params.finish()?;
    let after = after.and_then(|(time_ms, id)| Some((DateTime::from_timestamp_millis(time_ms)?, id)));
    let now = time_of(&app.clock);
    let rows = sessions::list(&app.postgres, allowed.viewer.id, now, after, i64::from(limit) + 1).await?;
    let page = Page::of(rows, limit, |row| event_cursor(row.created_at.timestamp_millis(), row.id));
    Ok(listing.answer(&page.map(|row| SessionResponse::new(row, allowed.credential.login()))))
}

/// End one of the caller's logins
///
/// Takes effect at once, for access tokens too. API tokens are not accepted.
#[utoipa::path(
    delete, path = "/api/account/sessions/{id}/", tag = "account", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Ended"), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn revoke_session(State(app): State<App>, call: Call<String>) -> Result<StatusCode, ApiError> {
    let Call { allowed, actor, id, .. } = call;
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found())?;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    let user_id = allowed.viewer.id;
    if !sessions::revoke(&mut transaction, user_id, id, time_of(&app.clock)).await? {
        return Err(ApiError::not_found());
    }
    let diff = Diff::noted(json!({"session": id}));
    record(&mut transaction, &actor, "revoke-session", Resource::Users, user_id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all other logins of the caller
///
/// Takes effect at once, for access tokens too. API tokens are not accepted.
#[utoipa::path(
    post, path = "/api/account/sessions/revoke-others/", tag = "account",
    responses((status = 200, description = "Ended", body = RevokeOthersResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn revoke_other_sessions(
    State(app): State<App>,
    call: Call<()>,
) -> Result<Json<RevokeOthersResponse>, ApiError> {
    let Call { allowed, actor, .. } = call;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    let (user_id, now) = (allowed.viewer.id, time_of(&app.clock));
    let revoked =
        sessions::revoke_others(&mut transaction, user_id, allowed.credential.login(), now, "revoke-others")
            .await?;
    let diff = Diff::noted(json!({"revoked": revoked}));
    record(&mut transaction, &actor, "revoke-sessions", Resource::Users, user_id, diff).await?;
    transaction.commit().await?;
    Ok(Json(RevokeOthersResponse { revoked }))
}
