//! Bytes that do not change while the service runs, compressed when they are first asked for.
//! Compressing the larger scripts at each request would keep a core busy at thirty requests a
//! second, and they are public.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use sluice_runtime::content_coding::is_accepted;

use crate::http::error::ApiError;

/// Nearly as small as the highest, 11, in a tenth of its time.
const BROTLI_QUALITY: u32 = 9;
/// The window of brotli in powers of two; each browser has room for it.
const BROTLI_WINDOW: u32 = 22;

/// An encoding that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

/// The bytes in each encoding.
#[derive(Debug)]
pub struct Precompressed {
    content_type: &'static str,
    plain: Bytes,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
}

impl Precompressed {
    /// Takes the bytes. Nothing is compressed yet.
    #[must_use]
    pub const fn new(content_type: &'static str, plain: Bytes) -> Self {
        Self { content_type, plain, gzip: OnceLock::new(), brotli: OnceLock::new() }
    }

    /// Returns a response in the best encoding that a request accepts.
    ///
    /// # Errors
    /// 500 if compressing panicked.
    pub async fn answer(self: &Arc<Self>, headers: &HeaderMap) -> Result<Response, ApiError> {
        let encoding = accepted(headers);
        let bytes = match self.known(encoding) {
            Some(bytes) => bytes,
            None => {
                let this = Arc::clone(self);
                let compressed = tokio::task::spawn_blocking(move || this.encoded(encoding)).await;
                compressed.map_err(|error| ApiError::internal(&error))?
            }
        };
        let mut response = bytes.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        match encoding {
            Encoding::Brotli => headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br")),
            Encoding::Gzip => headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip")),
            Encoding::Identity => None,
        };
        Ok(response)
    }

    fn known(&self, encoding: Encoding) -> Option<Bytes> {
        match encoding {
            Encoding::Brotli => self.brotli.get().cloned(),
            Encoding::Gzip => self.gzip.get().cloned(),
            Encoding::Identity => Some(self.plain.clone()),
        }
    }

    fn encoded(&self, encoding: Encoding) -> Bytes {
        match encoding {
            Encoding::Brotli => self.brotli.get_or_init(|| brotli(&self.plain)).clone(),
            Encoding::Gzip => self.gzip.get_or_init(|| gzip(&self.plain)).clone(),
            Encoding::Identity => self.plain.clone(),
        }
    }
}

fn brotli(plain: &[u8]) -> Bytes {
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    // Writing to memory does not fail.
    writer.write_all(plain).ok();
    writer.into_inner().into()
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(plain).ok();
    writer.finish().unwrap_or_default().into()
}

/// Returns the smallest encoding that `Accept-Encoding` names and does not refuse by `q=0`.
fn accepted(headers: &HeaderMap) -> Encoding {
    if is_accepted(headers, "br") {
        Encoding::Brotli
    } else if is_accepted(headers, "gzip") || is_accepted(headers, "x-gzip") {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_smallest_accepted_encoding_is_taken() {
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", Encoding::Brotli),
            ("gzip, br;q=0.5", Encoding::Brotli),
            ("gzip, br;q=0", Encoding::Gzip),
            ("GZIP;q=0.1", Encoding::Gzip),
            ("gzip; q=0.000", Encoding::Identity),
            ("gzip;q=x", Encoding::Identity),
            ("deflate, zstd, *", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            assert_eq!(accepted(&headers), encoding, "{accept}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Encoding::Identity);
    }

    #[test]
    fn compressed_bytes_are_the_same_bytes() {
        let plain = "body { color: red }\n".repeat(100);
        let file = Precompressed::new("text/css", Bytes::from(plain.clone()));
        assert!(file.known(Encoding::Gzip).is_none() && file.known(Encoding::Brotli).is_none());
        let mut text = String::new();
        let gzip = file.encoded(Encoding::Gzip);
        flate2::read::GzDecoder::new(gzip.as_ref()).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain);
        text.clear();
        let brotli = file.encoded(Encoding::Brotli);
        brotli::Decompressor::new(brotli.as_ref(), 4096).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain);
        assert!(brotli.len() < gzip.len() && gzip.len() < plain.len() / 10);
        // Kept: the next one gets the same memory.
        assert_eq!(file.known(Encoding::Brotli).unwrap().as_ptr(), brotli.as_ptr());
    }
}
