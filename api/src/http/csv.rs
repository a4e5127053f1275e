//! CSV files: what spreadsheets need of them, and their response.

use std::io;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;

use crate::http::query::Params;

/// Spreadsheets read UTF-8 only with this mark.
pub const BOM: &str = "\u{feff}";
/// A text that begins with one of these, if only after spaces, is a formula to a spreadsheet.
const FORMULA: [char; 4] = ['=', '+', '-', '@'];
/// Spreadsheets drop these at the beginning of a text, and read what follows.
const DROPPED: [char; 3] = ['\t', '\r', '\n'];
const SEPARATORS: [&str; 3] = ["comma", "semicolon", "tab"];

/// Reads `separator`.
pub fn read_separator(params: &mut Params) -> u8 {
    match params.choice("separator", &SEPARATORS) {
        "semicolon" => b';',
        "tab" => b'\t',
        _ => b',',
    }
}

/// Returns a writer of records. The first part of a file begins with the mark.
#[must_use]
pub fn writer(separator: u8, is_first: bool) -> csv::Writer<Vec<u8>> {
    let bytes = if is_first { BOM.as_bytes().to_vec() } else { Vec::new() };
    csv::WriterBuilder::new().delimiter(separator).terminator(csv::Terminator::CRLF).from_writer(bytes)
}

/// Returns what was written.
///
/// # Errors
/// When a record could not be written.
pub fn written(writer: csv::Writer<Vec<u8>>) -> Result<axum::body::Bytes, csv::Error> {
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.into())
}

/// Returns the response with a file of this name.
#[must_use]
pub fn response(name: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// Returns a text that no spreadsheet runs as a formula (OWASP, "CSV Injection").
#[must_use]
pub fn safe(text: String) -> String {
    let is_risky = text.trim_start().starts_with(FORMULA) || text.starts_with(DROPPED);
    if is_risky { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_formula() {
        assert_eq!((safe("\t=1".into()), safe("a=1".into())), ("'\t=1".into(), "a=1".into()));
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"] {
            assert_eq!(safe(text.to_owned()), format!("'{text}"));
        }
        assert_eq!(safe("invoice 7".to_owned()), "invoice 7");
    }
}
