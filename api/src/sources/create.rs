//! `POST /api/sources/create/`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{self, Actor, Diff};
use crate::db::sources;
use crate::http::body::Posted;
use crate::http::error::ApiError;
use crate::http::guard::Allowed;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::policy::Resource;
use crate::sources::list::SourceResponse;
use crate::sources::rules;
use crate::state::App;

/// A traffic source. In a form, `macros` is the text of a JSON object.
#[derive(Debug, Deserialize, ToSchema)]
#[allow(dead_code, reason = "describes the body in the OpenAPI document")]
pub struct CreateSourceRequest {
    /// Up to 100 characters; unique without regard to case.
    name: String,
    /// The parameter in which the network itself adds its click id, as `gclid`.
    click_id_param: Option<String>,
    /// A parameter that pixels understand → the network's macro.
    macros: Option<BTreeMap<String, String>>,
}

/// Create a traffic source
#[utoipa::path(
    post, path = "/api/sources/create/", tag = "sources",
    request_body(content(
        (CreateSourceRequest = "application/json"),
        (CreateSourceRequest = "application/x-www-form-urlencoded"),
        (CreateSourceRequest = "multipart/form-data"),
    )),
    responses((status = 201, description = "Created", body = SourceResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_source(
    State(app): State<App>,
    allowed: Allowed,
    actor: Actor,
    Posted(mut fields): Posted,
) -> Result<Response, ApiError> {
    let new = rules::read(&mut fields);
    fields.finish().map_err(ApiError::fields)?;
    let new = new.ok_or_else(|| ApiError::bug("a source without errors was not read"))?;
    let mut transaction = allowed.begin(&app).await?;
    let id = sources::insert(&mut transaction, &new).await.map_err(rules::constraint_error)?;
    let made = SourceResponse { id, name: new.name, click_id_param: new.click_id_param, macros: new.macros };
    audit::record(&mut transaction, &actor, "create", Resource::Sources, id, Diff::created(&made)).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
