//! The answer to a refused order or call of the legacy API: status, reason, JSON body. Pixels are
//! never refused in this way.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use sluice_schemas::outcome::Rejection;

use crate::answer::{Answer, Fate, detail_body, origin};
use crate::body::BodyError;
use crate::event_ids::new_id;
use crate::fields::{Fields, FieldsError, MediaType};
use crate::metrics::EventKind;
use crate::validate::FieldErrors;
use crate::worker::Worker;

/// The time after which a client may try again when the journal is full, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("10");

/// A refused request.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub reason: Rejection,
    pub body: String,
}

impl Refusal {
    fn detail(status: StatusCode, reason: Rejection, detail: &str) -> Self {
        Self { status, reason, body: detail_body(detail) }
    }

    /// Returns a refusal with status 400 if there are errors.
    pub fn check(errors: FieldErrors) -> Result<(), Self> {
        errors.into_json().map_or(Ok(()), |body| {
            Err(Self { status: StatusCode::BAD_REQUEST, reason: Rejection::BadField, body })
        })
    }

    /// Returns the refusal of an event that the journal did not accept: 503.
    #[must_use]
    pub fn unavailable(reason: Rejection) -> Self {
        Self::detail(
            StatusCode::SERVICE_UNAVAILABLE,
            reason,
            "The event could not be kept. Please try again later.",
        )
    }

    /// Returns the answer without counting the event.
    #[must_use]
    pub fn into_answer(self, worker: &Worker, request: &HeaderMap) -> Answer {
        let id = new_id(worker.clock.now_ms());
        let fate = Fate::Rejected(self.reason);
        let mut answer = worker.answers.json(self.status, self.body, id, fate, origin(request));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        answer
    }

    /// Counts the event as rejected and returns the answer.
    #[must_use]
    pub fn count_and_answer(self, worker: &Worker, kind: EventKind, request: &HeaderMap) -> Answer {
        // Events that the journal refused are already counted.
        if self.status != StatusCode::SERVICE_UNAVAILABLE {
            worker.counters.rejected(kind, self.reason);
        }
        self.into_answer(worker, request)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let (status, detail) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large."),
            BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "The request body did not arrive in time."),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "The request body could not be read."),
        };
        Self::detail(status, error.into(), detail)
    }
}

impl From<FieldsError> for Refusal {
    fn from(error: FieldsError) -> Self {
        let text = error.to_string();
        match error {
            FieldsError::NoObject(_) | FieldsError::Null => Self {
                status: StatusCode::BAD_REQUEST,
                reason: Rejection::BadBody,
                body: serde_json::json!({ "non_field_errors": [text] }).to_string(),
            },
            FieldsError::Json(_) | FieldsError::Multipart(_) => {
                Self::detail(StatusCode::BAD_REQUEST, Rejection::BadBody, &text)
            }
        }
    }
}

/// Reads the fields of a body by its content type: JSON, form or multipart.
///
/// # Errors
/// The refusal of a body that was not read or has another format.
pub async fn read_fields(headers: &HeaderMap, body: Result<Bytes, BodyError>) -> Result<Fields, Refusal> {
    let body = body?;
    let content_type = headers.get(CONTENT_TYPE).map_or(&[][..], |value| value.as_bytes());
    Ok(match MediaType::parse(Some(content_type)) {
        MediaType::Json => Fields::from_json(&body)?,
        MediaType::Form => Fields::from_form(&body),
        MediaType::Multipart(boundary) => Fields::from_multipart(body, boundary.as_deref()).await?,
        MediaType::Empty if body.is_empty() => Fields::default(),
        MediaType::Empty | MediaType::Text | MediaType::Other(_) => {
            let shown = String::from_utf8_lossy(content_type);
            let text = format!("Unsupported media type \"{shown}\" in request.");
            return Err(Refusal::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, Rejection::MediaType, &text));
        }
    })
}
