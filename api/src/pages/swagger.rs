//! `/swagger/`: the API's document, to be read and tried.

use askama::Template;
use axum::response::Response;

use crate::pages::frame::{Frame, PageError, render};

#[derive(Template)]
#[template(path = "swagger.html")]
struct SwaggerPage {
    frame: Frame,
}

/// `GET /swagger/`.
///
/// # Errors
/// None but a template's.
pub async fn show_swagger() -> Result<Response, PageError> {
    render(&SwaggerPage { frame: Frame::anonymous() })
}
