//! `PUT` and `PATCH /api/sources/update/<id>/`: replace or update a traffic source.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::sources;
use crate::db::sources::NewSource;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::sources::model::{CreateSourceRequest, SourceResponse, UpdateSourceRequest};
use crate::sources::rules;

/// Replace a traffic source
#[utoipa::path(
    put, path = "/api/sources/update/{id}/", tag = "sources", params(("id" = i64, Path)),
    request_body = CreateSourceRequest,
    responses((status = 200, description = "The updated source", body = SourceResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn replace_source(
    State(app): State<App>,
    call: Call,
    body: Body<CreateSourceRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |_| body).await
}

/// Update a traffic source
///
/// Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/sources/update/{id}/", tag = "sources", params(("id" = i64, Path)),
    request_body = UpdateSourceRequest,
    responses((status = 200, description = "The updated source", body = SourceResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_source(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateSourceRequest>,
) -> Result<Response, ApiError> {
    change(&app, &call, |now| patch.request.onto(now)).await
}

async fn change(
    app: &App,
    call: &Call,
    body: impl FnOnce(&SourceResponse) -> Body<CreateSourceRequest>,
) -> Result<Response, ApiError> {
    let mut transaction = call.allowed.begin(app).await?;
    let row = sources::lock_exclusive(&mut transaction, call.id).await?.ok_or_else(ApiError::not_found)?;
    let mut version = row.version;
    call.check_version(version)?;
    let before = SourceResponse::from(row);
    let wanted = NewSource::from(body(&before).checked()?);
    let after = SourceResponse {
        id: before.id,
        name: wanted.name.clone(),
        click_id_param: wanted.click_id_param.clone(),
        macros: wanted.macros.clone(),
        archived_at: None,
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
