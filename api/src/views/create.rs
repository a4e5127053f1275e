//! `POST /api/views/create/`: saves a report.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::db::report_views;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::MakeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::views::model::{CreateViewRequest, MAX_VIEWS, ViewResponse, constraint_error};

/// Save a report as a view
///
/// Each user may have 50 views.
#[utoipa::path(
    post, path = "/api/views/create/", tag = "reports",
    request_body = CreateViewRequest,
    responses((status = 201, description = "Created", body = ViewResponse), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn create_view(
    State(app): State<App>,
    call: Call<()>,
    body: Body<CreateViewRequest>,
) -> Result<Response, ApiError> {
    let viewer = &call.allowed.viewer;
    let new = body.checked()?.permitted(viewer.position)?;
    let mut transaction = call.allowed.begin(&app).await?;
    if report_views::count_locking(&mut transaction, viewer.id).await? >= MAX_VIEWS {
        return Err(ApiError::conflict(format!("You have {MAX_VIEWS} views. Delete one first.")));
    }
    let id = report_views::insert(&mut transaction, viewer.id, &new).await.map_err(constraint_error)?;
    let made = ViewResponse {
        id,
        name: new.name,
        query: new.query,
        is_published: new.is_published,
        is_starred: false,
        is_own: true,
        username: viewer.username.clone(),
    };
    call.record_created(&mut transaction, Resource::Figures, id, &made).await?;
    let mut response = versioned(1, &made);
    *response.status_mut() = StatusCode::CREATED;
    transaction.answer(response).await
}
