//! `/redoc/`: the OpenAPI document, for reading.
//!
//! Redoc adds styles while it runs. The Content-Security-Policy allows only those, by a new nonce
//! in each response and by the hashes of the two styles that do not carry the nonce.

use askama::Template;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::Response;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::http::middleware::content_policy;
use crate::http::page::{Frame, PageError, render};

/// Hashes of the style sheet of the scroll bars, empty and filled. The bundle adds it before it
/// knows the nonce.
const SCROLL_BARS: &str = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
    'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='";

#[derive(Template)]
#[template(path = "redoc.html")]
struct RedocPage {
    frame: Frame,
    nonce: String,
}

/// `GET /redoc/`.
pub async fn show_redoc() -> Result<Response, PageError> {
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = HeaderValue::try_from(content_policy(&format!("'nonce-{nonce}' {SCROLL_BARS}")))
        .map_err(|_| ApiError::bug("a policy of plain characters is no header"))?;
    let mut response = render(&RedocPage { frame: Frame::anonymous(), nonce })?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
