//! `/swagger/`: the OpenAPI document, for reading and trying out.

use askama::Template;
use axum::response::Response;

use crate::http::page::{Frame, PageError, render};

#[derive(Template)]
#[template(path = "swagger.html")]
struct SwaggerPage {
    frame: Frame,
}

/// `GET /swagger/`.
pub async fn show_swagger() -> Result<Response, PageError> {
    render(&SwaggerPage { frame: Frame::anonymous() })
}
