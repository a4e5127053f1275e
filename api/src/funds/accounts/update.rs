//! `PUT` and `PATCH /api/funds/accounts/update/<id>/`. Another buyer has the account from then on; its past stays with the
//! one before.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use crate::audit::{self, Actor, Diff};
use crate::db::funds::accounts;
use crate::db::time_of;
use crate::funds::accounts::{FundAccountRequest, FundAccountResponse, constraint_error, read};
use crate::funds::answer;
use crate::funds::reach::Reach;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::http::precondition::check_version;
use crate::policy::Resource;
use crate::state::App;

/// Replace an ad account
#[utoipa::path(
    put, path = "/api/funds/accounts/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundAccountRequest = "application/json"),
        (FundAccountRequest = "application/x-www-form-urlencoded"),
        (FundAccountRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The account as it is now", body = FundAccountResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_account(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, false)).await
}

/// Diff an ad account
#[utoipa::path(
    patch, path = "/api/funds/accounts/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundAccountRequest = "application/json"),
        (FundAccountRequest = "application/x-www-form-urlencoded"),
        (FundAccountRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The account as it is now", body = FundAccountResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_account(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, true)).await
}

async fn change(
    app: &App,
    allowed: &Allowed,
    actor: &Actor,
    id: i64,
    headers: &HeaderMap,
    (mut fields, is_partial): (Fields, bool),
) -> Result<Response, ApiError> {
    let mut transaction = allowed.begin(app).await?;
    let reach = Reach::of(&mut *transaction, allowed).await?;
    let row = accounts::lock_exclusive(&mut transaction, id).await?.filter(|row| reach.has(row.buyer_id));
    let row = row.ok_or_else(ApiError::not_found)?;
    check_version(headers, row.version)?;
    let before = FundAccountResponse::from(&row);
    if is_partial {
        fields.fill_from(&before);
    }
    let values = read(&mut fields);
    if values.as_ref().is_some_and(|values| values.currency != row.currency) {
        fields.fail("currency", "The currency of an account cannot be changed.");
    }
    fields.finish().map_err(ApiError::fields)?;
    let values = values.ok_or_else(|| ApiError::bug("an account without values or errors"))?;
    let now = time_of(&app.clock);
    accounts::update(&mut transaction, id, &values, now)
        .await
        .map_err(|error| constraint_error(error, &values))?;
    let row = accounts::lock_exclusive(&mut transaction, id).await?.ok_or_else(ApiError::not_found)?;
    let after = FundAccountResponse::from(&row);
    let diff = Diff::updated(&before, &after);
    audit::record(&mut transaction, actor, "update", Resource::FundAccounts, id, diff).await?;
    transaction.commit().await?;
    Ok(answer(StatusCode::OK, &after, row.version))
}
