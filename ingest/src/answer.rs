//! Prepared answers, made once per thread. A request copies one and adds its id and its `Origin`.
//!
//! Invariant: every answer to an event states its outcome (`x-sluice-outcome`, `x-sluice-id`, and
//! `x-sluice-ack` if the event was accepted), and CORS lets scripts read these headers.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, ORIGIN, PRAGMA, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use sluice_schemas::outcome::Rejection;
use uuid::Uuid;

/// The answer of every handler.
pub type Answer = Response<Full<Bytes>>;

/// `accepted`, or `rejected; reason=<word>`.
pub const OUTCOME: HeaderName = HeaderName::from_static("x-sluice-outcome");
/// The event's id.
pub const ID: HeaderName = HeaderName::from_static("x-sluice-id");
/// `journal` (kept if the process dies) or `synced` (kept if the power fails).
pub const ACK: HeaderName = HeaderName::from_static("x-sluice-ack");

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// A transparent GIF of one pixel.
pub const GIF: &[u8; 43] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The prepared headers of one thread.
#[derive(Debug)]
pub struct Prototypes {
    accepted_gif: HeaderMap,
    accepted_empty: HeaderMap,
    rejections: [HeaderValue; Rejection::ALL.len()],
}

/// The outcome of an event, for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Written to the journal.
    Journal,
    /// On disk.
    Synced,
    Rejected(Rejection),
}

impl Default for Prototypes {
    fn default() -> Self {
        let empty = event_headers();
        let mut gif = empty.clone();
        gif.insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
        let rejections = Rejection::ALL.map(|reason| {
            HeaderValue::try_from(format!("rejected; reason={reason}")).expect("reasons are plain words")
        });
        Self { accepted_gif: gif, accepted_empty: empty, rejections }
    }
}

impl Prototypes {
    /// Returns the answer to a pixel: the GIF, or 204 without a body.
    #[must_use]
    pub fn pixel(&self, with_body: bool, id: Uuid, fate: Fate, origin: Option<&HeaderValue>) -> Answer {
        let (status, headers, body) = if with_body {
            (StatusCode::OK, &self.accepted_gif, Bytes::from_static(GIF))
        } else {
            (StatusCode::NO_CONTENT, &self.accepted_empty, Bytes::new())
        };
        let mut answer = Response::new(Full::new(body));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers.clone();
        self.finish(answer.headers_mut(), id, fate, origin);
        answer
    }

    /// Returns the JSON answer to an order or to a call of the legacy API.
    #[must_use]
    pub fn json(
        &self,
        status: StatusCode,
        body: String,
        id: Uuid,
        fate: Fate,
        origin: Option<&HeaderValue>,
    ) -> Answer {
        let mut answer = Response::new(Full::new(Bytes::from(body)));
        *answer.status_mut() = status;
        *answer.headers_mut() = self.accepted_empty.clone();
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.finish(answer.headers_mut(), id, fate, origin);
        answer
    }

    fn finish(&self, headers: &mut HeaderMap, id: Uuid, fate: Fate, origin: Option<&HeaderValue>) {
        headers.insert(ID, id_value(id));
        match fate {
            Fate::Journal => {}
            Fate::Synced => {
                headers.insert(ACK, HeaderValue::from_static("synced"));
            }
            Fate::Rejected(reason) => {
                headers.insert(OUTCOME, self.rejections[reason as usize].clone());
                headers.remove(ACK);
            }
        }
        allow_origin(headers, origin);
    }
}

/// Returns the headers of an accepted event's answer, without its id.
fn event_headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(24);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache, must-revalidate"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(EXPIRES, HeaderValue::from_static("0"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-sluice-outcome, x-sluice-id, x-sluice-ack"),
    );
    headers.insert(OUTCOME, HeaderValue::from_static("accepted"));
    headers.insert(ACK, HeaderValue::from_static("journal"));
    headers
}

fn id_value(id: Uuid) -> HeaderValue {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text: &str = id.hyphenated().encode_lower(&mut text);
    HeaderValue::from_str(text).expect("a UUID is plain text")
}

/// Returns the `Origin` of a request.
#[must_use]
pub fn origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(ORIGIN)
}

/// Lets scripts of this origin read the answer. Credentials are allowed because browsers send them
/// with `sendBeacon`. The edge has no cookies.
pub fn allow_origin(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Returns an answer without the headers of an event.
#[must_use]
pub fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Returns a JSON answer of the form `{"detail": …}`.
#[must_use]
pub fn detail(status: StatusCode, detail: &str) -> Answer {
    plain(status, "application/json", detail_body(detail))
}

/// `{"detail": …}`.
#[must_use]
pub fn detail_body(detail: &str) -> String {
    serde_json::json!({ "detail": detail }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_pixel_is_a_gif_with_the_reason_and_no_ack() {
        let prototypes = Prototypes::default();
        let origin = HeaderValue::from_static("https://shop.example");
        let fate = Fate::Rejected(Rejection::BadKey);
        let answer = prototypes.pixel(true, Uuid::max(), fate, Some(&origin));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()[OUTCOME], "rejected; reason=bad_key");
        assert_eq!(answer.headers()[ID], Uuid::max().to_string());
        assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], origin);
        assert!(!answer.headers().contains_key(ACK));
    }

    #[test]
    fn rejections_are_indexed_by_their_place() {
        for (index, reason) in Rejection::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
