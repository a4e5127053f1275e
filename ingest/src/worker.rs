//! The state of a serving thread: settings, journal writer, counters, prepared answers. Serving
//! threads share only what never changes.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{HeaderName, REFERER, USER_AGENT};
use sluice_runtime::client_address::believed;
use sluice_runtime::clock::Clock;
use sluice_runtime::ops::Readiness;
use sluice_schemas::event::{EventRef, MAX_HEADER_VALUE_BYTES, Mark};
use sluice_schemas::outcome::Rejection;

use crate::answer::Prototypes;
use crate::client_address;
use crate::config::EdgeConfig;
use crate::journal::{AppendError, LaneWriter};
use crate::metrics::{EventKind, LaneCounters};
use crate::query::cut_text;
use crate::snippet::Snippet;

/// The state of one serving thread.
pub struct Worker {
    pub config: Arc<EdgeConfig>,
    pub clock: Clock,
    pub counters: Arc<LaneCounters>,
    pub answers: Prototypes,
    pub snippet: Snippet,
    pub readiness: Readiness,
    writer: RefCell<LaneWriter>,
}

/// The visitor of a request, as an event stores it.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    pub ip: [u8; 16],
    pub user_agent: &'a [u8],
    pub referer: &'a [u8],
    pub marks: u32,
}

impl Worker {
    /// Creates the state of a thread.
    #[must_use]
    pub fn new(
        config: Arc<EdgeConfig>,
        clock: Clock,
        counters: Arc<LaneCounters>,
        readiness: Readiness,
        writer: LaneWriter,
    ) -> Self {
        let snippet = Snippet::new(&config.paths);
        let answers = Prototypes::default();
        Self { config, clock, counters, answers, snippet, readiness, writer: RefCell::new(writer) }
    }

    /// Reads the visitor of a request. `trusts_proxies` is a property of the listener.
    #[must_use]
    pub fn visitor<'a>(&self, headers: &'a HeaderMap, peer: IpAddr, trusts_proxies: bool) -> Visitor<'a> {
        let address =
            if trusts_proxies { believed(peer, headers, &self.config.trusted_proxies) } else { peer };
        let mut marks = 0;
        let user_agent = header(headers, &USER_AGENT, Mark::CutUserAgent, &mut marks);
        let referer = header(headers, &REFERER, Mark::CutReferrer, &mut marks);
        if self.config.anonymise_ip {
            marks |= Mark::IpAnonymised as u32;
        }
        Visitor { ip: client_address::stored(address, self.config.anonymise_ip), user_agent, referer, marks }
    }

    /// Writes an event to the journal and counts it. Returns its ordinal.
    ///
    /// # Errors
    /// The reason why it was not written. The rejection is counted too.
    pub fn append(&self, kind: EventKind, event: &EventRef<'_>) -> Result<u64, Rejection> {
        let result = self.writer.borrow_mut().append(event).map_err(Rejection::from);
        match result {
            Ok(_) => self.counters.accepted(kind),
            Err(reason) => self.counters.rejected(kind, reason),
        }
        result
    }

    /// Waits until an event is on disk.
    pub async fn synced(&self, ordinal: u64) -> Result<(), Rejection> {
        let synced = self.writer.borrow().synced(ordinal);
        synced.await.map_err(Rejection::from)
    }
}

impl From<AppendError> for Rejection {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::JournalFull,
            AppendError::Failed => Self::JournalFailed,
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName, cut_mark: Mark, marks: &mut u32) -> &'a [u8] {
    let value = headers.get(name).map_or(&[][..], |value| value.as_bytes());
    let (kept, is_cut) = cut_text(value, MAX_HEADER_VALUE_BYTES);
    if is_cut {
        *marks |= cut_mark as u32;
    }
    kept
}
