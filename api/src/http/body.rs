//! Reads bodies into named values. As in the legacy CRM they are JSON, forms or multipart, and the
//! errors of bodies that cannot be read have the words of Django REST framework.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::{Map, Value};

use crate::http::error::ApiError;
use crate::http::fields::Fields;

/// The largest body.
pub const MAX_BYTES: usize = 64 * 1024;

/// The maximum number of parts of a multipart body.
const MAX_PARTS: usize = 100;

/// The bytes of a body within the bound.
///
/// # Errors
/// 413 for a body larger than [`MAX_BYTES`], 400 for an incomplete one.
pub async fn read_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    read_bytes_within(request, state, MAX_BYTES).await
}

/// Reads the bytes of a body on a route with a limit of its own. The error names `max_bytes`.
///
/// # Errors
/// Like [`read_bytes`].
pub async fn read_bytes_within<S: Send + Sync>(
    request: Request,
    state: &S,
    max_bytes: usize,
) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::too_large(max_bytes)
        } else {
            ApiError::parse("Body", "it ended too early")
        }
    })
}

/// Parses a body by its content type.
///
/// # Errors
/// 415 for another content type, 400 for a body that does not match its type.
pub async fn read(headers: &HeaderMap, body: Bytes) -> Result<Fields, ApiError> {
    if body.is_empty() {
        return Ok(Fields::new(Map::new()));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => read_json(&body),
        "application/x-www-form-urlencoded" => Ok(Fields::of_pairs(read_form(&body))),
        "multipart/form-data" => read_multipart(content_type, body).await.map(Fields::of_pairs),
        _ => Err(ApiError::unsupported_media_type(content_type)),
    }
}

fn read_json(body: &[u8]) -> Result<Fields, ApiError> {
    // serde_json rejects more than 128 levels and lone surrogates.
    match serde_json::from_slice(body).map_err(|error| ApiError::parse("JSON", error))? {
        Value::Object(map) => Ok(Fields::new(map)),
        other => Ok(Fields::not_a_dictionary(match other {
            Value::Array(_) => "list",
            Value::String(_) => "str",
            Value::Number(number) if number.is_f64() => "float",
            Value::Number(_) => "int",
            Value::Bool(_) => "bool",
            Value::Null | Value::Object(_) => "NoneType",
        })),
    }
}

fn read_form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

async fn read_multipart(content_type: &str, body: Bytes) -> Result<Vec<(String, String)>, ApiError> {
    let failed = |error: multer::Error| ApiError::parse("Multipart form", error);
    let boundary = multer::parse_boundary(content_type).map_err(failed)?;
    let stream = futures::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut pairs = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(failed)? {
        if pairs.len() >= MAX_PARTS {
            return Err(ApiError::parse("Multipart form", "too many parts"));
        }
        if let Some(name) = part.name().map(str::to_owned) {
            let text = part.text().await.map_err(failed)?;
            pairs.push((name, text));
        }
    }
    Ok(pairs)
}

/// The texts and the files of a form.
pub type Parts = (Vec<(String, String)>, Vec<(String, Bytes)>);

/// Returns whether a content type is that of a form with files.
#[must_use]
pub fn is_multipart(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("multipart/form-data")
}

/// Parses the form of a page that may have files. An input without a file has an empty one.
///
/// # Errors
/// 400 for a body that is not multipart, or a text that is not UTF-8.
pub async fn read_parts(content_type: &str, body: Bytes) -> Result<Parts, ApiError> {
    let failed = |error: multer::Error| ApiError::parse("Multipart form", error);
    let boundary = multer::parse_boundary(content_type).map_err(failed)?;
    let stream = futures::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(stream, boundary);
    let (mut texts, mut files) = (Vec::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(failed)? {
        if texts.len() + files.len() >= MAX_PARTS {
            return Err(ApiError::parse("Multipart form", "too many parts"));
        }
        let Some(name) = part.name().map(str::to_owned) else { continue };
        if part.file_name().is_some() {
            files.push((name, part.bytes().await.map_err(failed)?));
        } else {
            let text = String::from_utf8(part.bytes().await.map_err(failed)?.to_vec());
            let text = text.map_err(|_| ApiError::parse("Multipart form", "a text is not UTF-8"))?;
            texts.push((name, text));
        }
    }
    Ok((texts, files))
}

/// Returns the bytes of a named part of a multipart body.
///
/// # Errors
/// 400 for a body that is not multipart.
pub async fn multipart_file(content_type: &str, body: Bytes, name: &str) -> Result<Option<Bytes>, ApiError> {
    let failed = |error: multer::Error| ApiError::parse("Multipart form", error);
    let boundary = multer::parse_boundary(content_type).map_err(failed)?;
    let stream = futures::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(stream, boundary);
    for _ in 0..MAX_PARTS {
        let Some(part) = parts.next_field().await.map_err(failed)? else { return Ok(None) };
        if part.name() == Some(name) {
            return part.bytes().await.map(Some).map_err(failed);
        }
    }
    Err(ApiError::parse("Multipart form", "too many parts"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    async fn read_text(content_type: &'static str, body: &str) -> Result<Fields, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        read(&headers, Bytes::copy_from_slice(body.as_bytes())).await
    }

    #[tokio::test]
    async fn the_three_content_types_give_the_same_fields() {
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1 2\r\n--b--\r\n";
        for (content_type, body) in [
            ("application/json; charset=utf-8", r#"{"a":"1 2"}"#),
            ("application/x-www-form-urlencoded", "a=1+2"),
            ("multipart/form-data; boundary=b", multipart),
        ] {
            let mut fields = read_text(content_type, body).await.unwrap();
            assert_eq!(fields.required_text("a", 10).as_deref(), Some("1 2"), "{content_type}");
        }
    }

    #[tokio::test]
    async fn an_unreadable_body_is_a_4xx_in_the_words_of_the_legacy_crm() {
        let deep = "[".repeat(1000);
        for (content_type, body, status, sentence) in [
            ("text/plain", "a=1", 415, "Unsupported media type \"text/plain\" in request."),
            ("application/json", "{", 400, "JSON parse error - "),
            ("application/json", r#"{"a":"\ud800"}"#, 400, "JSON parse error - "),
            ("application/json", deep.as_str(), 400, "JSON parse error - recursion limit exceeded"),
            ("multipart/form-data", "x", 400, "Multipart form parse error - "),
        ] {
            let error = read_text(content_type, body).await.unwrap_err();
            assert_eq!(error.status().as_u16(), status, "{body}");
            assert!(error.sentence().starts_with(sentence), "{}", error.sentence());
        }
    }
}
