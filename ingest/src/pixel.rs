//! The pixel and the beacon. Whatever they contain, the answer is the GIF or 204, with the outcome
//! in a header.
//!
//! Invariant: nothing here waits, except for the body of the beacon.

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::request::Parts;
use http::{HeaderValue, Method};
use sluice_schemas::event::{EventRef, Mark};
use sluice_schemas::outcome::Rejection;
use uuid::Uuid;

use crate::answer::{Answer, Fate, origin};
use crate::body::BodyError;
use crate::event_ids::new_id;
use crate::fields::{Fields, FieldsError, MediaType};
use crate::metrics::EventKind;
use crate::query::{self, ProspectId, ScannedPairs};
use crate::worker::Worker;

const SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
const DNT: HeaderName = HeaderName::from_static("dnt");

/// The sender of a request.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: IpAddr,
    pub trusts_proxies: bool,
}

/// Answers `GET` and `HEAD` of the pixel. `is_mended` says that its request line was.
#[must_use]
pub fn answer_pixel(worker: &Worker, request: &Parts, peer: Peer, is_mended: bool) -> Answer {
    let query = request.uri.query().unwrap_or_default().as_bytes();
    let mended = query::mend(query);
    let mut marks = 0;
    if is_mended || matches!(mended, Cow::Owned(_)) {
        marks |= Mark::QueryMended as u32;
    }
    if request.method == Method::HEAD {
        marks |= Mark::Head as u32;
    }
    let (found, id, fate) = take(worker, request, peer, &mended, marks, Ok(()));
    worker.answers.pixel(!found.beacon, id, fate, origin(&request.headers))
}

/// Answers `POST` of the beacon. The body has been read.
pub async fn answer_beacon(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let query = query::mend(request.uri.query().unwrap_or_default().as_bytes());
    let (read, outcome) = match body {
        Ok(body) => match body_pairs(request, body).await {
            Ok(pairs) => (pairs, Ok(())),
            Err(reason) => (Cow::default(), Err(reason)),
        },
        Err(error) => (Cow::default(), Err(error.into())),
    };
    let from_body = query::mend_body(&read);
    let is_mended = matches!(query, Cow::Owned(_)) || matches!(from_body, Cow::Owned(_));
    let marks = if is_mended { Mark::QueryMended as u32 } else { 0 };
    let pairs: Cow<'_, [u8]> = match (query.is_empty(), from_body.is_empty()) {
        (_, true) => query,
        (true, false) => from_body,
        (false, false) => [&query[..], &from_body[..]].join(&b'&').into(),
    };
    let (_, id, fate) = take(worker, request, peer, &pairs, marks, outcome);
    worker.answers.pixel(false, id, fate, origin(&request.headers))
}

/// Decides whether to accept a prospect, and writes it. `readable` is the result of reading its
/// body.
fn take<'a>(
    worker: &Worker,
    request: &Parts,
    peer: Peer,
    pairs: &'a [u8],
    mut marks: u32,
    readable: Result<(), Rejection>,
) -> (ScannedPairs<'a>, Uuid, Fate) {
    let (pairs, is_cut) = query::cut_pairs(pairs);
    if is_cut {
        marks |= Mark::CutPairs as u32;
    }
    if is_prefetch(&request.headers) {
        marks |= Mark::Prefetch as u32;
    }
    let found = query::scan(pairs);
    let time_ms = worker.clock.now_ms();
    let id = match query::prospect_id(found.prospect_id) {
        ProspectId::Given(id) => id,
        ProspectId::Absent => new_id(time_ms),
        ProspectId::Invalid => {
            marks |= Mark::PidInvalid as u32;
            new_id(time_ms)
        }
    };
    let allowed =
        readable.and_then(|()| check_consent(worker, request)).and_then(|()| query::check_owner(&found));
    if let Err(reason) = allowed {
        worker.counters.rejected(EventKind::Prospect, reason);
        return (found, id, Fate::Rejected(reason));
    }
    let visitor = worker.visitor(&request.headers, peer.address, peer.trusts_proxies);
    let event = EventRef {
        id: id.into_bytes(),
        time_ms,
        ip: visitor.ip,
        user_agent: visitor.user_agent,
        referer: visitor.referer,
        pairs,
        marks: marks | visitor.marks,
        order: None,
    };
    let fate = match worker.append(EventKind::Prospect, &event) {
        Ok(_) => Fate::Journal,
        Err(reason) => Fate::Rejected(reason),
    };
    (found, id, fate)
}

/// Returns whether a browser asks before anybody has opened the page: it prefetches or prerenders
/// it, or shows a preview. One walk through the few headers costs less than four look-ups.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let is_purpose =
        |name: &HeaderName| matches!(name.as_str(), "sec-purpose" | "purpose" | "x-purpose" | "x-moz");
    headers.iter().any(|(name, value)| is_purpose(name) && is_ahead(value))
}

fn is_ahead(value: &HeaderValue) -> bool {
    let value = value.as_bytes().to_ascii_lowercase();
    [&b"prefetch"[..], b"prerender", b"preview"]
        .iter()
        .any(|word| memchr::memmem::find(&value, word).is_some())
}

/// Rejects visitors who opted out of tracking, if the operator honours that.
fn check_consent(worker: &Worker, request: &Parts) -> Result<(), Rejection> {
    if !worker.config.honour_opt_out {
        return Ok(());
    }
    let says_no =
        [SEC_GPC, DNT].iter().any(|name| request.headers.get(name).is_some_and(|value| value == "1"));
    if says_no { Err(Rejection::OptedOut) } else { Ok(()) }
}

async fn body_pairs(request: &Parts, body: Bytes) -> Result<Cow<'static, [u8]>, Rejection> {
    let content_type = request.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let fields = match MediaType::parse(content_type) {
        MediaType::Form => return Ok(body.to_vec().into()),
        MediaType::Text | MediaType::Empty if !body.trim_ascii_start().starts_with(b"{") => {
            return Ok(body.to_vec().into());
        }
        MediaType::Text | MediaType::Empty | MediaType::Json => Fields::from_json(&body),
        MediaType::Multipart(boundary) => Fields::from_multipart(body, boundary.as_deref()).await,
        MediaType::Other(_) => return Err(Rejection::MediaType),
    };
    let to_pairs = |fields: Fields| fields.to_pairs(|_| false).into();
    fields.map(to_pairs).map_err(|_: FieldsError| Rejection::BadBody)
}
