//! The files that the pages load, embedded in the binary, so that pages need no other host. The
//! path contains a hash of all files. A browser can cache them for ever and never combines old
//! files with a new page.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::http::error::ApiError;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $content_type:expr, $path:literal;)*) => {
        &[$(Asset { name: $name, content_type: $content_type, bytes: include_bytes!(concat!("../../assets/", $path)) },)*]
    };
}

static ASSETS: &[Asset] = assets! {
    "tabler.css": CSS, "vendor/tabler.min.css";
    "uplot.css": CSS, "vendor/uPlot.min.css";
    "uplot.js": JS, "vendor/uPlot.iife.min.js";
    "swagger-ui.css": CSS, "vendor/swagger-ui.css";
    "swagger-ui.js": JS, "vendor/swagger-ui-bundle.js";
    "swagger.js": JS, "swagger.js";
    "redoc.standalone.js": JS, "vendor/redoc.standalone.js";
    "redoc.js": JS, "redoc.js";
    "app.css": CSS, "app.css";
    "app.js": JS, "app.js";
    "theme.js": JS, "theme.js";
    "favicon.svg": SVG, "favicon.svg";
};

/// The hash in the path, of all files together.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in ASSETS {
        hash.update(asset.name);
        hash.update(asset.bytes);
    }
    hash.finalize()[..6].iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
});

/// Returns the path of a file.
#[must_use]
pub fn url(name: &str) -> String {
    format!("/static/{}/{name}", *VERSION)
}

/// `GET /static/{version}/{name}`. A page of another binary may request its own version. It gets
/// the current file, but must not cache it.
///
/// # Errors
/// 404 for an unknown file.
pub async fn get_asset(Path((version, name)): Path<(String, String)>) -> Result<Response, ApiError> {
    let asset = ASSETS.iter().find(|asset| asset.name == name).ok_or_else(ApiError::not_found)?;
    let caching = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = asset.bytes.into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_path() {
        assert!(ASSETS.iter().all(|asset| !asset.bytes.is_empty()));
        assert_eq!(VERSION.len(), 12);
        assert_eq!(url("app.css"), format!("/static/{}/app.css", *VERSION));
    }
}
