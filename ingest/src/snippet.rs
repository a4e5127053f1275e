//! The script `/s.js`. It is prepared once at the start (names filled in, shortened, compressed,
//! tagged) and served from memory.
//!
//! The source says in its head how it must be written to be shortened in this simple way.

use std::collections::HashMap;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{Response, StatusCode};
use http_body_util::Full;
use sluice_runtime::content_coding::is_accepted;
use sluice_schemas::networks::ClickId;
use sluice_schemas::parameters::{CLIENT_HINTS_NAME, KEY_NAMES, USER_ID_NAME};

use crate::answer::Answer;
use crate::config::PathsConfig;

const SOURCE: &str = include_str!("assets/s.js");

/// The texts before `id` at the end of the names of most click ids: `gclid`, `click_id`, `ScCid`.
/// The script takes such names too if no table has them. It gets the other names of the table in
/// full.
const BEFORE_ID: [&str; 8] = ["c", "cl", "click", "click_", "bra", "fat_", "sub", "external_"];

/// The prepared script.
#[derive(Debug, Clone)]
pub struct Snippet {
    plain: Bytes,
    gzip: Bytes,
    brotli: Bytes,
    etag: HeaderValue,
}

impl Snippet {
    /// Fills in the names, and shortens and compresses the script.
    #[must_use]
    pub fn new(paths: &PathsConfig) -> Self {
        let text = shortened(SOURCE)
            .replace("__SCRIPT__", &paths.script)
            .replace("__BEACON__", &paths.beacon)
            .replace("__PIXEL__", &paths.pixel)
            .replace("__ORDER__", &paths.order)
            .replace("__OWNERS__", &[&KEY_NAMES[..], &[USER_ID_NAME]].concat().join("|"))
            .replace("__CLICK_IDS__", &click_ids())
            .replace("__HINTS__", CLIENT_HINTS_NAME);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let gzip = encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.finish())
            .expect("writing into memory cannot fail");
        let mut brotli = Vec::new();
        brotli::BrotliCompress(
            &mut text.as_bytes(),
            &mut brotli,
            &brotli::enc::BrotliEncoderParams::default(),
        )
        .expect("writing into memory cannot fail");
        let etag = HeaderValue::try_from(format!("W/\"{:08x}\"", crc32c::crc32c(text.as_bytes())))
            .expect("hexadecimal digits are plain text");
        Self { plain: text.into(), gzip: gzip.into(), brotli: brotli.into(), etag }
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
        let (encoding, body) = if is_accepted(request, "br") {
            ("br", &self.brotli)
        } else if is_accepted(request, "gzip") || is_accepted(request, "*") {
            ("gzip", &self.gzip)
        } else {
            ("", &self.plain)
        };
        if !encoding.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        *answer.body_mut() = Full::new(body.clone());
        answer
    }
}

/// Returns the names of click ids as a regular expression.
fn click_ids() -> String {
    let is_covered = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.strip_suffix("id").is_some_and(|start| BEFORE_ID.iter().any(|end| start.ends_with(end)))
    };
    let others = ClickId::ALL.iter().map(|id| id.name).filter(|name| !is_covered(name));
    let covered = format!(r"\w*({})id", BEFORE_ID.join("|"));
    std::iter::once(covered.as_str()).chain(others).collect::<Vec<_>>().join("|")
}

/// Removes comments, line ends and blanks, and shortens the names that begin with `$` to a letter.
/// A name of one part shares its letter with names of other parts: repetitions compress well.
fn shortened(source: &str) -> String {
    let mut parts = vec![String::new()];
    for line in source.lines() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        if line.len() - code.len() == 2 {
            parts.push(String::new());
        }
        parts.last_mut().expect("there is a first part").push_str(code);
    }
    // The part of each name, in the order of the names. `None` for a name of several parts.
    let mut names: Vec<(&str, Option<usize>)> = Vec::new();
    for (part, text) in parts.iter().enumerate() {
        for name in text.split('$').skip(1).map(|rest| &rest[..letters(rest)]).filter(|name| !name.is_empty())
        {
            match names.iter_mut().find(|known| known.0 == name) {
                Some(known) if known.1 != Some(part) => known.1 = None,
                Some(_) => {}
                None => names.push((name, Some(part))),
            }
        }
    }
    let mut text = String::with_capacity(source.len());
    for (part, code) in parts.iter().enumerate() {
        let shared = names.iter().filter(|name| name.1.is_none());
        let own = names.iter().filter(|name| name.1 == Some(part));
        let short: HashMap<&str, char> =
            shared.chain(own).map(|name| name.0).zip(('a'..='z').chain('A'..='Z')).collect();
        let mut pieces = code.split('$');
        text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let (name, rest) = piece.split_at(letters(piece));
            text.push(short.get(name).copied().unwrap_or('$'));
            text.push_str(rest);
        }
    }
    without_blanks(&text).replace(";}", "}")
}

/// Returns the length of the name at the start of a text.
fn letters(text: &str) -> usize {
    text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len())
}

/// Removes each blank that does not separate two words.
fn without_blanks(text: &str) -> String {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bytes = text.as_bytes();
    let is_kept = |at: usize| {
        is_word(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_word(bytes.get(at + 1))
    };
    text.char_indices()
        .filter(|(at, letter)| *letter != ' ' || is_kept(*at))
        .map(|(_, letter)| letter)
        .collect()
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::header::ACCEPT_ENCODING;

    use super::*;

    /// 1.2 KB in Brotli, which browsers accept over TLS.
    const MAX_BROTLI_BYTES: usize = 1200;
    const MAX_GZIP_BYTES: usize = 1450;

    fn text(snippet: &Snippet) -> &str {
        std::str::from_utf8(&snippet.plain).unwrap()
    }

    #[test]
    fn the_script_is_small_and_knows_its_paths() {
        let paths = PathsConfig { beacon: "/other".to_owned(), ..PathsConfig::default() };
        let snippet = Snippet::new(&paths);
        let (brotli, gzip) = (snippet.brotli.len(), snippet.gzip.len());
        assert!(brotli < MAX_BROTLI_BYTES && gzip < MAX_GZIP_BYTES, "{brotli} and {gzip} bytes");
        let text = text(&snippet);
        assert!(text.contains("\"/other\"") && text.contains("/p.gif?") && text.contains("\"/s.js\""));
        for left in ["__", "//", "  ", "\n", "$s"] {
            assert!(!text.contains(left), "{left:?} in {text}");
        }
    }

    #[test]
    fn every_encoding_is_the_same_script() {
        let snippet = Snippet::new(&PathsConfig::default());
        let (mut gunzipped, mut unbrotlied) = (Vec::new(), Vec::new());
        std::io::copy(&mut flate2::read::GzDecoder::new(&snippet.gzip[..]), &mut gunzipped).unwrap();
        brotli::BrotliDecompress(&mut &snippet.brotli[..], &mut unbrotlied).unwrap();
        assert!(gunzipped == snippet.plain && unbrotlied == snippet.plain);
    }

    #[test]
    fn no_text_of_the_source_has_a_blank() {
        for line in SOURCE.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for quote in ['"', '\''] {
                let texts: Vec<_> = line.split(quote).skip(1).step_by(2).collect();
                assert!(texts.iter().all(|text| !text.contains(' ')), "{line}");
            }
        }
    }

    #[test]
    fn names_are_shortened_by_part() {
        let source = "let $one = 1,\n  $two = $it => $it + $one;\n  // no\n  use($two, $that => $that ? \"$1-\" : 0);\n";
        assert_eq!(shortened(source), "let a=1,b=c=>c+a;use(b,c=>c?\"$1-\":0);");
    }

    #[test]
    fn every_click_id_of_the_table_is_known() {
        let known = click_ids();
        let words: Vec<_> = known.split(['|', '(', ')', '*']).collect();
        for ClickId { name } in ClickId::ALL {
            let ends = |end: &&str| name.to_ascii_lowercase().ends_with(&format!("{end}id"));
            assert!(words.contains(name) || BEFORE_ID.iter().any(ends), "{name} in {known}");
        }
        assert!(words.contains(&"cjevent") && !words.contains(&"gclid"), "{known}");
    }

    #[test]
    fn the_smallest_encoding_that_a_browser_accepts_is_sent() {
        let snippet = Snippet::new(&PathsConfig::default());
        for (accept, encoding) in [
            ("gzip, deflate, br, zstd", "br"),
            ("br;q=0.1, gzip", "br"),
            ("br;q=0, gzip;q=0.9", "gzip"),
            ("*", "gzip"),
            ("gzip;q=0, identity", ""),
            ("", ""),
        ] {
            let request = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(accept))]);
            let answer = snippet.answer(&request);
            let found = answer.headers().get(CONTENT_ENCODING).map_or("", |found| found.to_str().unwrap());
            assert_eq!(found, encoding, "{accept}");
        }
    }
}
