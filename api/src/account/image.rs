//! `/api/account/image/` and `/api/users/<id>/image/`: the image of a user.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use utoipa::ToSchema;

use crate::account::picture;
use crate::db::audit::{Diff, record};
use crate::db::images;
use crate::db::users::Visible;
use crate::http::allowed::Allowed;
use crate::http::body;
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::openapi::{DetailErrors, MakeErrors};
use crate::http::path_id::PathId;
use crate::http::state::App;
use crate::policy::Resource;

/// An image. A form has it as a file.
#[derive(Debug, ToSchema)]
pub struct ImageForm {
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    image: Bytes,
}

/// Get the caller's image
#[utoipa::path(
    get, path = "/api/account/image/", tag = "account",
    responses(
        (
            status = 200, description = "The image, at most 256 × 256 pixels", headers(("ETag" = String, description = "For `If-None-Match`")),
            content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")),
        ),
        (
            status = 304, description = "`If-None-Match` names the current image",
            headers(("ETag" = String, description = "For `If-None-Match`")),
        ),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_account_image(
    State(app): State<App>,
    allowed: Allowed,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    show(&app, &allowed, &headers, allowed.viewer.id).await
}

/// Get a user's image
#[utoipa::path(
    get, path = "/api/users/{id}/image/", tag = "users", params(("id" = i64, Path)),
    responses(
        (
            status = 200, description = "The image, at most 256 × 256 pixels", headers(("ETag" = String, description = "For `If-None-Match`")),
            content((Vec<u8> = "image/jpeg"), (Vec<u8> = "image/png")),
        ),
        (
            status = 304, description = "`If-None-Match` names the current image",
            headers(("ETag" = String, description = "For `If-None-Match`")),
        ),
        DetailErrors,
    ),
    security(("bearer" = [])),
)]
pub async fn get_user_image(
    State(app): State<App>,
    allowed: Allowed,
    headers: HeaderMap,
    PathId(id): PathId,
) -> Result<Response, ApiError> {
    show(&app, &allowed, &headers, id).await
}

async fn show(app: &App, allowed: &Allowed, headers: &HeaderMap, id: i64) -> Result<Response, ApiError> {
    let visible = Visible::of(&allowed.viewer, allowed.grant.scope);
    let image = images::find(&app.postgres, id, visible).await?.ok_or_else(ApiError::not_found)?;
    let tag = format!("\"{}\"", image.etag);
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let is_known =
        known.flat_map(|value| value.split(',')).any(|known| known.trim().trim_start_matches("W/") == tag);
    // The browser may store it, but must ask each time whether the user may still see it.
    let kept = [(CACHE_CONTROL, "private, no-cache".to_owned()), (ETAG, tag)];
    if is_known {
        return Ok((StatusCode::NOT_MODIFIED, kept).into_response());
    }
    Ok((kept, [(CONTENT_TYPE, image.content_type)], image.content).into_response())
}

/// Set the caller's image
///
/// Takes a PNG, JPEG or WebP of at most 2 MiB, as the body or as the field `image` of a form.
/// Scales it down to at most 256 × 256 pixels and encodes it again.
#[utoipa::path(
    put, path = "/api/account/image/", tag = "account",
    request_body(content(
        (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"), (ImageForm = "multipart/form-data"),
    )),
    responses((status = 204, description = "Set"), MakeErrors),
    security(("bearer" = [])),
)]
pub async fn set_account_image(
    State(app): State<App>,
    call: Call<()>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let headers = request.headers().clone();
    let body = body::read_bytes_within(request, &app, picture::MAX_BYTES).await?;
    let ImageForm { image } = read_upload(&headers, body).await?;
    set(&app, call, image).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets the caller's image, for the API and the page.
///
/// # Errors
/// 400 for a file that is not an image, 413 for one that is too large.
pub async fn set(app: &App, call: Call<()>, upload: Bytes) -> Result<(), ApiError> {
    let Call { allowed, actor, .. } = call;
    if upload.len() > picture::MAX_BYTES {
        return Err(ApiError::too_large(picture::MAX_BYTES));
    }
    let image = app.images.run(move || picture::prepare(&upload)).await?.ok_or_else(|| {
        let message = format!(
            "Upload a valid image: a PNG, JPEG or WebP of at most {0} x {0} pixels.",
            picture::MAX_SIDE
        );
        ApiError::field("image", message)
    })?;
    let id = allowed.viewer.id;
    let mut transaction = allowed.begin(app).await?;
    images::set(&mut transaction, id, &image).await?;
    let diff = Diff::noted(json!({"image": image.etag}));
    record(&mut transaction, &actor, "set-image", Resource::Users, id, diff).await?;
    transaction.commit().await
}

async fn read_upload(headers: &HeaderMap, body: Bytes) -> Result<ImageForm, ApiError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "image/png" | "image/jpeg" | "image/webp" => Ok(ImageForm { image: body }),
        "multipart/form-data" => {
            let found = body::multipart_file(content_type, body, "image").await?;
            let image = found.ok_or_else(|| ApiError::field("image", "No file was submitted."))?;
            Ok(ImageForm { image })
        }
        _ => Err(ApiError::unsupported_media_type(content_type)),
    }
}

/// Delete the caller's image
#[utoipa::path(
    delete, path = "/api/account/image/", tag = "account",
    responses((status = 204, description = "Deleted"), DetailErrors),
    security(("bearer" = [])),
)]
pub async fn delete_account_image(State(app): State<App>, call: Call<()>) -> Result<StatusCode, ApiError> {
    let Call { allowed, actor, .. } = call;
    let id = allowed.viewer.id;
    let mut transaction = allowed.begin(&app).await?;
    if !images::remove(&mut transaction, id).await? {
        return Err(ApiError::not_found());
    }
    record(&mut transaction, &actor, "delete-image", Resource::Users, id, Diff::default()).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
