//! `/api/account/tokens/`: the caller's API tokens. A token is shown once, in the response that
//! creates it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::audit::{Actor, Diff, record};
use crate::auth::api_token::{self, SCOPES};
use crate::db::api_tokens::{self, ApiTokenRow, NewApiToken};
use crate::db::time_of;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::json_values;
use crate::http::openapi::{DetailErrors, ListErrors, MakeErrors};
use crate::http::paging::{Listing, Page};
use crate::http::path_id::PathId;
use crate::http::query::text_cursor;
use crate::policy::Resource;
use crate::state::App;

const MAX_NAME_CHARS: usize = 100;
const DEFAULT_LIFE_DAYS: i64 = 90;
const MAX_LIFE_DAYS: i64 = 366;

/// A token to create.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateTokenRequest {
    /// The purpose of the token.
    pub name: String,
    /// `read` (the default) permits reading, `write` also permits changes. In a form, separate them
    /// by commas.
    pub scopes: Option<Vec<String>>,
    /// 1 to 366, by default 90.
    pub expires_in_days: Option<u32>,
}

/// A token in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenResponse {
    pub id: i64,
    pub name: String,
    /// The first characters of the token.
    pub hint: String,
    pub scopes: Vec<String>,
    pub created_at: String,
    pub expires_at: String,
    /// To the minute.
    pub last_used_at: Option<String>,
}

/// A created token.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreateTokenResponse {
    #[serde(flatten)]
    pub described: TokenResponse,
    /// For the header `Authorization: Bearer`. It is not shown again.
    pub token: String,
}

/// The parameters of the list of tokens.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "describes the parameters in the OpenAPI document")]
pub struct ListTokensQuery {
    /// The maximum number of items.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// From the `Link` header of the previous page.
    cursor: Option<String>,
}

impl From<ApiTokenRow> for TokenResponse {
    fn from(row: ApiTokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            hint: row.hint,
            scopes: row.scopes,
            created_at: json_values::time(row.created_at.timestamp_millis()),
            expires_at: json_values::time(row.expires_at.timestamp_millis()),
            last_used_at: row.last_used_at.map(|time| json_values::time(time.timestamp_millis())),
        }
    }
}

/// List the caller's API tokens
#[utoipa::path(
    get, path = "/api/account/tokens/list/", tag = "account", params(ListTokensQuery),
    responses((status = 200, description = "Valid tokens, newest first", body = Vec<TokenResponse>), ListErrors),
    security(("bearer" = [])),
)]
pub async fn list_tokens(
    State(app): State<App>,
    allowed: Allowed,
    listing: Listing,
) -> Result<Response, ApiError> {
    let mut params = listing.params();
    let (limit, after) = (params.limit(), params.id_cursor());
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
    request_body(content(
        (CreateTokenRequest = "application/json"),
        (CreateTokenRequest = "application/x-www-form-urlencoded"),
        (CreateTokenRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created. The token is shown only here", body = CreateTokenResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_token(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let (name, scopes, life) = read(&mut fields)?;
    let (token, now) = (api_token::generate(), time_of(&app.clock));
    let new = NewApiToken {
        user_id: allowed.viewer.id,
        name: &name,
        token_hash: token.hash,
        hint: &token.hint,
        scopes: &scopes,
        created_at: now,
        expires_at: now + life,
    };
    let mut transaction = allowed.begin(&app).await?;
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
    record(&mut transaction, &actor, "create-token", Resource::Users, new.user_id, diff).await?;
    // The secret is not stored, so a repeated request cannot get it.
    let again = ApiError::conflict(format!(
        "This Idempotency-Key created the token {id}, which was shown once. Delete it and create another with another key."
    ));
    let made = CreateTokenResponse { described, token: token.text };
    transaction.answer_once((StatusCode::CREATED, Json(made)), again).await
}

fn read(fields: &mut Fields) -> Result<(String, Vec<String>, TimeDelta), ApiError> {
    let name = fields.required_text("name", MAX_NAME_CHARS);
    let scopes = fields.words("scopes", &SCOPES).unwrap_or_else(|| vec![SCOPES[0].to_owned()]);
    let days = fields.whole_number("expires_in_days", 1..=MAX_LIFE_DAYS, DEFAULT_LIFE_DAYS);
    fields.finish().map_err(ApiError::fields)?;
    Ok((name.unwrap_or_default(), scopes, TimeDelta::days(days)))
}

/// Delete an API token
///
/// Takes effect at once. API tokens are not accepted.
#[utoipa::path(
    delete, path = "/api/account/tokens/delete/{id}/", tag = "account", params(("id" = i64, Path)),
    responses((status = 204, description = "Deleted"), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn delete_token(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    let user_id = allowed.viewer.id;
    let mut transaction = allowed.begin_locking_user(&app, allowed.viewer.id).await?;
    let name = api_tokens::revoke(&mut transaction, user_id, id, time_of(&app.clock)).await?;
    let name = name.ok_or_else(ApiError::not_found)?;
    let diff = Diff::deleted(&json!({"id": id, "name": name}));
    record(&mut transaction, &actor, "delete-token", Resource::Users, user_id, diff).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
