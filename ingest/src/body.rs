//! Reads the body of a request, limited in size and in time. `fields.rs` parses it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use sluice_schemas::outcome::Rejection;

/// A body over the limit is still read up to this size and dropped: a client that is cut off while
/// it writes does not see the answer.
const MAX_DISCARDED_BYTES: usize = 2 << 20;

/// The reason why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body is over the limit.
    #[error("the body is over the limit")]
    TooLarge,
    /// The body did not arrive in time.
    #[error("the body did not arrive in time")]
    Slow,
    /// The connection broke, or the chunks are malformed.
    #[error("the body could not be read")]
    Broken,
}

impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => Self::TooLarge,
            BodyError::Slow => Self::SlowBody,
            BodyError::Broken => Self::BadBody,
        }
    }
}

/// Reads a body of at most `max_bytes` within `timeout`.
pub async fn read(body: Incoming, max_bytes: usize, timeout: Duration) -> Result<Bytes, BodyError> {
    let declared = body.size_hint().lower();
    if declared > MAX_DISCARDED_BYTES as u64 {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(timeout, collect(body, max_bytes)).await.unwrap_or(Err(BodyError::Slow))
}

async fn collect(mut body: Incoming, max_bytes: usize) -> Result<Bytes, BodyError> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut n_bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        n_bytes += data.len();
        if n_bytes > max_bytes.max(MAX_DISCARDED_BYTES) {
            return Err(BodyError::TooLarge);
        }
        if n_bytes > max_bytes {
            (first, rest) = (Bytes::new(), BytesMut::new());
        } else if first.is_empty() {
            // Most bodies come in one piece. That piece is not copied.
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
    if n_bytes > max_bytes {
        return Err(BodyError::TooLarge);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
