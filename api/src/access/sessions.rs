//! `/api/sessions/`: lists and ends the logins of all users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use crate::access::filter::{self, ListAccessQuery};
use crate::access::model::UserSessionResponse;
use crate::db::access::{self, AccessFilter, LOGIN_SORTING, LoginRow};
use crate::db::audit::{Diff, record};
use crate::db::{sessions, time_of};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, DetailErrors, ListErrors};
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::http::typed_query::{query, word};
use crate::policy::Resource;

page_query! {
    /// The order and the page.
    pub struct SessionPageQuery of LOGIN_SORTING;
}

word! {
    /// The kind of a login.
    pub struct LoginKind of ["browser", "api"];
}

query! {
    /// Further filters of the list.
    pub struct ListUserSessionsQuery {
        /// Only of browsers (`browser`) or of programs (`api`).
        pub kind: LoginKind,
    }
}

/// List the logins of all users
///
/// For Owners. `sort=user_id` sorts by username.
#[utoipa::path(
    get, path = "/api/sessions/list/", tag = "access", params(SessionPageQuery, ListAccessQuery, ListUserSessionsQuery),
    responses((status = 200, description = "Active logins, newest first", body = Vec<UserSessionResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_user_sessions(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&LOGIN_SORTING, limit);
    let kind = ListUserSessionsQuery::read(&mut params).kind.0;
    let filter = AccessFilter { kind, ..filter::read(&app, &allowed, &mut params) };
    params.finish()?;
    let rows = access::list(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(UserSessionResponse::from)))
}

/// Get a login of any user
#[utoipa::path(
    get, path = "/api/sessions/detail/{id}/", tag = "access", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The login", body = UserSessionResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_user_session(
    State(app): State<App>,
    call: Call<String>,
) -> Result<Json<UserSessionResponse>, ApiError> {
    Ok(Json(find(&app, &call.id).await?.into()))
}

/// End a login of any user
///
/// Takes effect at once, for access tokens too. 409 for the login that sends the request. API
/// tokens are not accepted.
#[utoipa::path(
    delete, path = "/api/sessions/delete/{id}/", tag = "access", params(("id" = Uuid, Path)),
    responses((status = 204, description = "Ended"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_user_session(State(app): State<App>, call: Call<String>) -> Result<StatusCode, ApiError> {
    let login = find(&app, &call.id).await?;
    if call.allowed.credential.login() == Some(login.id) {
        return Err(ApiError::conflict("You use this login now. Log out instead."));
    }
    let mut transaction = call.allowed.begin_locking_user(&app, login.user_id).await?;
    if !sessions::revoke(&mut transaction, login.user_id, login.id, time_of(&app.clock)).await? {
        return Err(ApiError::not_found());
    }
    let id = login.id;
    let diff = Diff::deleted(&UserSessionResponse::from(login));
    record(&mut transaction, &call.actor, "delete", Resource::Sessions, id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: &str) -> Result<LoginRow, ApiError> {
    let id = Uuid::parse_str(id).map_err(|_| ApiError::not_found())?;
    access::find(&app.postgres, id, time_of(&app.clock)).await?.ok_or_else(ApiError::not_found)
}
