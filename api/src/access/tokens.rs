//! `/api/tokens/`: lists and deletes the API tokens of all users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::access::filter::{self, ListAccessQuery};
use crate::access::model::UserTokenResponse;
use crate::db::access::{self, TOKEN_SORTING, TokenRow};
use crate::db::audit::Diff;
use crate::db::{api_tokens, time_of};
use crate::http::allowed::Allowed;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{ChangeErrors, DetailErrors, ListErrors};
use crate::http::paging::{Listing, Page};
use crate::http::sort::page_query;
use crate::http::state::App;
use crate::policy::Resource;

page_query! {
    /// The order and the page.
    pub struct TokenPageQuery of TOKEN_SORTING;
}

/// List the API tokens of all users
///
/// For Owners. `sort=user_id` sorts by username.
#[utoipa::path(
    get, path = "/api/tokens/list/", tag = "access", params(TokenPageQuery, ListAccessQuery),
    responses((status = 200, description = "Valid tokens, newest first", body = Vec<UserTokenResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_user_tokens(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let limit = params.limit();
    let order = params.order(&TOKEN_SORTING, limit);
    let filter = filter::read(&app, &allowed, &mut params);
    params.finish()?;
    let rows = access::list_tokens(&app.postgres, &filter, &order).await?;
    Ok(listing.answer(&Page::ordered(rows, &order).map(UserTokenResponse::from)))
}

/// Get an API token of any user
///
/// The secret is not stored.
#[utoipa::path(
    get, path = "/api/tokens/detail/{id}/", tag = "access", params(("id" = i64, Path)),
    responses((status = 200, description = "The token", body = UserTokenResponse), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn get_user_token(State(app): State<App>, call: Call) -> Result<Json<UserTokenResponse>, ApiError> {
    Ok(Json(find(&app, call.id).await?.into()))
}

/// Delete an API token of any user
///
/// Takes effect at once. API tokens are not accepted.
#[utoipa::path(
    delete, path = "/api/tokens/delete/{id}/", tag = "access", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn delete_user_token(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let token = find(&app, call.id).await?;
    let mut transaction = call.allowed.begin_locking_user(&app, token.user_id).await?;
    let revoked = api_tokens::revoke(&mut transaction, token.user_id, token.id, time_of(&app.clock)).await?;
    revoked.ok_or_else(ApiError::not_found)?;
    let diff = Diff::deleted(&UserTokenResponse::from(token));
    call.record(&mut transaction, "delete", Resource::Tokens, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: i64) -> Result<TokenRow, ApiError> {
    access::find_token(&app.postgres, id, time_of(&app.clock)).await?.ok_or_else(ApiError::not_found)
}
