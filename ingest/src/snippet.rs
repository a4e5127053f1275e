//! The script `/s.js`. It is prepared once at the start (paths filled in, compressed, tagged) and
//! served from memory.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{Response, StatusCode};
use http_body_util::Full;

use crate::answer::Answer;
use crate::config::PathsConfig;

const SOURCE: &str = include_str!("assets/s.js");

/// The prepared script.
#[derive(Debug, Clone)]
pub struct Snippet {
    plain: Bytes,
    compressed: Bytes,
    etag: HeaderValue,
}

impl Snippet {
    /// Fills in the paths and compresses the script.
    #[must_use]
    pub fn new(paths: &PathsConfig) -> Self {
        let text = SOURCE
            .replace("__BEACON__", &paths.beacon)
            .replace("__PIXEL__", &paths.pixel)
            .replace("__ORDER__", &paths.order);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let compressed = encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.finish())
            .expect("writing into memory cannot fail");
        let etag = HeaderValue::try_from(format!("W/\"{:08x}\"", crc32c::crc32c(text.as_bytes())))
            .expect("hexadecimal digits are plain text");
        Self { plain: text.into(), compressed: compressed.into(), etag }
    }

    /// Returns the script, or 304 if the browser has it already.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Answer {
        let mut answer = Response::new(Full::new(Bytes::new()));
        let headers = answer.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
        let etag = self.etag.to_str().unwrap_or_default().trim_start_matches("W/");
        if list(request, &IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        let accepts_gzip = list(request, &ACCEPT_ENCODING).any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            matches!(name.trim(), "gzip" | "*")
                && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        });
        if accepts_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *answer.body_mut() = Full::new(self.compressed.clone());
        } else {
            *answer.body_mut() = Full::new(self.plain.clone());
        }
        answer
    }
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_under_a_kilobyte_compressed_and_knows_its_paths() {
        let paths = PathsConfig { beacon: "/other".to_owned(), ..PathsConfig::default() };
        let snippet = Snippet::new(&paths);
        assert!(snippet.compressed.len() < 1024, "{} bytes", snippet.compressed.len());
        let text = std::str::from_utf8(&snippet.plain).unwrap();
        assert!(text.contains("\"/other\"") && text.contains("/p.gif?") && !text.contains("__"));
    }
}
