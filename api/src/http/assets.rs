//! The files that the pages load, embedded in the binary, so that pages need no other host. The
//! path of each contains its hash. A browser can cache it for ever and never combines an old file
//! with a new page.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use crate::http::error::ApiError;
use crate::http::precompressed::Precompressed;

struct Asset {
    name: &'static str,
    /// The hash in the path.
    version: String,
    file: Arc<Precompressed>,
}

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! assets {
    ($($name:literal: $content_type:expr, $path:literal;)*) => {
        vec![$(Asset::new($name, $content_type, include_bytes!(concat!("../../assets/", $path))),)*]
    };
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    assets! {
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
        "charts.js": JS, "charts.js";
        "live.js": JS, "live.js";
        "reports.js": JS, "reports.js";
        "theme.js": JS, "theme.js";
        "favicon.svg": SVG, "favicon.svg";
    }
});

impl Asset {
    fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let version = Sha256::digest(bytes)[..6].iter().fold(String::new(), |mut text, byte| {
            // Writing to a string does not fail.
            write!(text, "{byte:02x}").ok();
            text
        });
        let file = Precompressed::new(content_type, Bytes::from_static(bytes));
        Self { name, version, file: Arc::new(file) }
    }

    fn find(name: &str) -> Option<&'static Self> {
        ASSETS.iter().find(|asset| asset.name == name)
    }
}

/// Returns the path under which a file is served.
#[must_use]
pub fn url(name: &str) -> String {
    format!("/static/{}/{name}", Asset::find(name).map_or("none", |asset| &asset.version))
}

/// `GET /static/{version}/{name}`. A page of another binary may request its own version. It gets
/// the current file, but must not cache it.
///
/// # Errors
/// 404 for an unknown file.
pub async fn get_asset(
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let asset = Asset::find(&name).ok_or_else(ApiError::not_found)?;
    let caching = if version == asset.version { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = asset.file.answer(&headers).await?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_path_of_its_own() {
        let (css, js) = (Asset::find("app.css").unwrap(), Asset::find("app.js").unwrap());
        assert_eq!(css.version.len(), 12);
        assert_ne!(css.version, js.version);
        assert_eq!(url("app.css"), format!("/static/{}/app.css", css.version));
        assert_eq!(url("none.css"), "/static/none/none.css");
    }
}
