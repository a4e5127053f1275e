//! `/api/account/tokens/`: the caller's API tokens. A token is shown once, in the response that
//! creates it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use serde_json::json;

use crate::account::model::{CreateTokenRequest, CreateTokenResponse, TokenResponse};
use crate::db::api_tokens::{self, NewApiToken};
use crate::db::audit::{Diff, record};
use crate::db::time_of;
use crate::http::allowed::Allowed;
use crate::http::auth::api_token;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::json_values;
use crate::http::openapi::{DetailErrors, ListErrors, MakeErrors};
use crate::http::paging::{Listing, Page};
use crate::http::query::text_cursor;
use crate::http::request::Body;
use crate::http::state::App;
use crate::http::transaction::Transaction;
use crate::http::typed_query::{IdCursor, IdPageQuery, Limit};
use crate::policy::Resource;

/// List the caller's API tokens
#[utoipa::path(
    get, path = "/api/account/tokens/list/", tag = "account", params(IdPageQuery),
    responses((status = 200, description = "Valid tokens, newest first", body = Vec<TokenResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_tokens(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let IdPageQuery { limit: Limit(limit), cursor: IdCursor(after) } = IdPageQuery::read(&mut params);
    params.finish()?;
    let (user_id, now) = (allowed.viewer.id, time_of(&app.clock));
    let rows = api_tokens::list(&app.postgres, user_id, now, after, i64::from(limit) + 1).await?;
    let page = Page::of(rows, limit, |row| text_cursor(&row.id.to_string()));
    Ok(listing.answer(&page.map(TokenResponse::from)))
}

/// Create an API token
///
/// The token has the caller's permissions at the time of each request. API tokens are not accepted.
/// A repeated request with the same `Idempotency-Key` gets 409, because the token is shown only
/// once.
#[utoipa::path(
    post, path = "/api/account/tokens/create/", tag = "account",
    request_body = CreateTokenRequest,
    responses((status = 201, description = "Created. The token is shown only here", body = CreateTokenResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_token(
    State(app): State<App>,
    call: Call<()>,
    body: Body<CreateTokenRequest>,
) -> Result<Response, ApiError> {
    let (transaction, made) = create(&app, &call, body).await?;
    // The secret is not stored, so a repeated request cannot get it.
    let again = ApiError::conflict(format!(
        "This Idempotency-Key created the token {}, which was shown once. Delete it and create another with another key.",
        made.described.id
    ));
    transaction.answer_once((StatusCode::CREATED, Json(made)), again).await
}

/// Creates a token, for the API and the page. The caller commits.
///
/// # Errors
/// 400 with messages by field.
pub async fn create(
    app: &App,
    call: &Call<()>,
    body: Body<CreateTokenRequest>,
) -> Result<(Transaction, CreateTokenResponse), ApiError> {
    let request = body.checked()?;
    let (name, scopes) = (request.name.0, request.scopes.0);
    let life = TimeDelta::days(request.expires_in_days.0);
    let (token, now) = (api_token::generate(), time_of(&app.clock));
    let new = NewApiToken {
        user_id: call.allowed.viewer.id,
        name: &name,
        token_hash: token.hash,
        hint: &token.hint,
        scopes: &scopes,
        created_at: now,
        expires_at: now + life,
    };
    let mut transaction = call.allowed.begin(app).await?;
    let id = api_tokens::insert(&mut *transaction, &new).await?;
    let described = TokenResponse {
        id,
        name: name.clone(),
        hint: token.hint.clone(),
        scopes: scopes.clone(),
        created_at: json_values::time(now.timestamp_millis()),
        expires_at: json_values::time(new.expires_at.timestamp_millis()),
        last_used_at: None,
    };
    let diff = Diff::created(&described);
    record(&mut transaction, &call.actor, "create-token", Resource::Users, new.user_id, diff).await?;
    Ok((transaction, CreateTokenResponse { described, token: token.text }))
}

/// Delete an API token
///
/// Takes effect at once. API tokens are not accepted.
#[utoipa::path(
    delete, path = "/api/account/tokens/delete/{id}/", tag = "account", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn delete_token(State(app): State<App>, call: Call) -> Result<StatusCode, ApiError> {
    let Call { allowed, actor, id, .. } = call;
    let user_id = allowed.viewer.id;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    let name = api_tokens::revoke(&mut transaction, user_id, id, time_of(&app.clock)).await?;
    let name = name.ok_or_else(ApiError::not_found)?;
    let diff = Diff::deleted(&json!({"id": id, "name": name}));
    record(&mut transaction, &actor, "delete-token", Resource::Users, user_id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
