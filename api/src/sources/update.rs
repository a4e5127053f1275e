//! `PUT` and `PATCH /api/sources/update/<id>/`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::Diff;
use crate::db::sources;
use crate::http::body::Posted;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::policy::Resource;
use crate::sources::create::CreateSourceRequest;
use crate::sources::list::SourceResponse;
use crate::sources::rules;
use crate::state::App;

/// What changes.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct UpdateSourceRequest {
    name: Option<String>,
    click_id_param: Option<String>,
    /// All macros that it shall have.
    macros: Option<BTreeMap<String, String>>,
}

/// Replace a traffic source
#[utoipa::path(
    put, path = "/api/sources/update/{id}/", tag = "sources", params(("id" = i64, Path)),
    request_body(content(
        (CreateSourceRequest = "application/json"),
        (CreateSourceRequest = "application/x-www-form-urlencoded"),
        (CreateSourceRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The source as it is now", body = SourceResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_source(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, false).await
}

/// Diff a traffic source
#[utoipa::path(
    patch, path = "/api/sources/update/{id}/", tag = "sources", params(("id" = i64, Path)),
    request_body(content(
        (UpdateSourceRequest = "application/json"),
        (UpdateSourceRequest = "application/x-www-form-urlencoded"),
        (UpdateSourceRequest = "multipart/form-data"),
    )),
    responses((status = 200, description = "The source as it is now", body = SourceResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_source(
    State(app): State<App>,
    call: Call,
    Posted(fields): Posted,
) -> Result<Response, ApiError> {
    change(&app, &call, fields, true).await
}

async fn change(app: &App, call: &Call, mut fields: Fields, is_partial: bool) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = sources::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let mut version = row.version;
    call.check_version(version)?;
    let before = SourceResponse::from(row);
    if is_partial {
        fields.fill_from(&before);
    }
    let wanted = rules::read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let wanted = wanted.ok_or_else(|| ApiError::bug("a source without errors was not read"))?;
    let after = SourceResponse {
        id: before.id,
        name: wanted.name.clone(),
        click_id_param: wanted.click_id_param.clone(),
        macros: wanted.macros.clone(),
    };
    let diff = Diff::updated(&before, &after);
    if !diff.is_empty() {
        sources::update(&mut transaction, call.id, &wanted).await.map_err(rules::constraint_error)?;
        version += 1;
    }
    call.record(&mut transaction, "update", Resource::Sources, diff).await?;
    transaction.commit().await?;
    Ok(versioned(version, &after))
}
