//! `PATCH /api/views/update/<id>/`: renames, changes, publishes or withdraws a view.

use axum::extract::State;
use axum::response::Response;

use crate::db::audit::Diff;
use crate::db::report_views;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::ChangeErrors;
use crate::http::precondition::versioned;
use crate::http::request::Body;
use crate::http::state::App;
use crate::policy::Resource;
use crate::views::model::{UpdateViewRequest, ViewResponse, constraint_error};

/// Update a view
///
/// Only the caller's own. Omitted fields keep their values.
#[utoipa::path(
    patch, path = "/api/views/update/{id}/", tag = "reports", params(("id" = i64, Path)),
    request_body = UpdateViewRequest,
    responses((status = 200, description = "The updated view", body = ViewResponse), ChangeErrors),
    security(("bearer" = [])),
)]
pub async fn update_view(
    State(app): State<App>,
    call: Call,
    patch: Body<UpdateViewRequest>,
) -> Result<Response, ApiError> {
    let viewer = &call.allowed.viewer;
    let mut transaction = call.allowed.begin(&app).await?;
    let row = report_views::lock(&mut transaction, viewer.id, call.id).await?;
    let row = row.filter(|row| row.user_id == viewer.id).ok_or_else(ApiError::not_found)?;
    let mut version = row.version;
    call.check_version(version)?;
    let before = ViewResponse::of(row, viewer.id);
    let wanted = patch.request.onto(&before).checked()?.permitted(viewer.position)?;
    let after = ViewResponse {
        name: wanted.name.clone(),
        query: wanted.query.clone(),
        is_published: wanted.is_published,
        ..before.clone()
    };
    let diff = Diff::updated(&before, &after);
    if !diff.is_empty() {
        report_views::update(&mut transaction, call.id, &wanted).await.map_err(constraint_error)?;
        version += 1;
    }
    call.record(&mut transaction, "update", Resource::Figures, diff).await?;
    transaction.commit().await?;
    Ok(versioned(version, &after))
}
