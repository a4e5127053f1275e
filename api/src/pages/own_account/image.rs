//! `/account/image/`: shows, sets and removes the viewer's image.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};

use crate::account::image;
use crate::http::allowed::{Allowed, Files};
use crate::http::call::Call;
use crate::http::error::ApiError;
use crate::http::page::PageError;
use crate::http::state::App;
use crate::pages::own_account::profile;
use crate::pages::own_account::sections::done;
use axum::http::HeaderMap;

/// `GET /account/image/`.
pub async fn show_image(
    State(app): State<App>,
    allowed: Allowed,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    Ok(image::get_account_image(State(app), allowed, headers).await?)
}

/// `POST /account/image/`.
pub async fn set_image(State(app): State<App>, call: Call<()>, files: Files) -> Result<Response, PageError> {
    let allowed = call.allowed.clone();
    let Some(upload) = files.find("image").filter(|file| !file.is_empty()) else {
        let error = ApiError::field("image", "Choose a file first.");
        return profile::with_image_error(&app, &allowed, error).await;
    };
    match image::set(&app, call, upload).await {
        Ok(()) => Ok(done("/account/", "Saved.")),
        Err(error) => profile::with_image_error(&app, &allowed, error).await,
    }
}

/// `POST /account/image/delete/`.
pub async fn delete_image(State(app): State<App>, call: Call<()>) -> Result<Response, PageError> {
    match image::delete_account_image(State(app), call).await {
        Ok(_) => Ok(done("/account/", "Removed the image.")),
        // It was removed before.
        Err(error) if error.status() == axum::http::StatusCode::NOT_FOUND => Ok(done("/account/", "")),
        Err(error) => Ok(PageError::from(error).into_response()),
    }
}
