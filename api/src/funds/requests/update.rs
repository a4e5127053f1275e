//! `PUT` and `PATCH /api/funds/requests/update/<id>/`: asking for another amount, or otherwise, while nobody has decided.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::audit::Actor;
use crate::db::funds::requests;
use crate::funds::reach::Reach;
use crate::funds::requests::create::{minor, read};
use crate::funds::requests::{FundRequestRequest, FundRequestResponse, changed, lock_exclusive};
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::guard::Allowed;
use crate::http::openapi::ChangeErrors;
use crate::http::path_id::PathId;
use crate::state::App;

/// Replace an open request
#[utoipa::path(
    put, path = "/api/funds/requests/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundRequestRequest = "application/json"),
        (FundRequestRequest = "application/x-www-form-urlencoded"),
        (FundRequestRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The request as it is now", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_fund_request(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    PathId(id): PathId,
    headers: HeaderMap,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &allowed, &actor, id, &headers, (fields, false)).await
}

/// Change an open request
#[utoipa::path(
    patch, path = "/api/funds/requests/update/{id}/", tag = "funds", params(("id" = i64, Path)),
    request_body(content(
        (FundRequestRequest = "application/json"),
        (FundRequestRequest = "application/x-www-form-urlencoded"),
        (FundRequestRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The request as it is now", body = FundRequestResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_fund_request(
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
    let row = lock_exclusive(&mut transaction, &reach, id, headers, &["open"]).await?;
    if is_partial {
        fields.fill_from(&FundRequestResponse::from(&row));
    }
    let read = read(&mut fields);
    if read.as_ref().is_some_and(|(account_id, _, _)| *account_id != row.fund_account_id) {
        fields.fail("account_id", "The account of a request cannot be changed.");
    }
    fields.finish().map_err(ApiError::fields)?;
    let (_, amount, purpose) = read.ok_or_else(|| ApiError::bug("a request without values"))?;
    requests::update(&mut transaction, id, minor(amount, &row.currency)?, &purpose).await?;
    let response = changed(&mut transaction, actor, "update", &row).await?;
    transaction.commit().await?;
    Ok(response)
}
