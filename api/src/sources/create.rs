//! `POST /api/sources/create/`: creates a traffic source.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::sources;
use crate::db::sources::NewSource;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::sources::model::{CreateSourceRequest, SourceResponse};
use crate::sources::rules;

/// Create a traffic source
#[utoipa::path(
    post, path = "/api/sources/create/", tag = "sources",
    request_body = CreateSourceRequest,
    responses((status = 201, description = "Created", body = SourceResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_source(
    State(app): State<App>,
    call: Call<()>,
    body: Body<CreateSourceRequest>,
) -> Result<Response, ApiError> {
    let new = NewSource::from(body.checked()?);
    let mut transaction = call.allowed.begin(&app).await?;
    let id = sources::insert(&mut transaction, &new).await.map_err(rules::constraint_error)?;
    let made = SourceResponse {
        id,
        name: new.name,
        click_id_param: new.click_id_param,
        macros: new.macros,
        archived_at: None,
    };
    call.record_created(&mut transaction, Resource::Sources, id, &made).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
