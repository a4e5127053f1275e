//! The envelope of `sluice.events`: one Kafka record holds a run of events of one lane, in the order of their ordinals.
//!
//! Headers: `schema` (this format's version), `edge` (the UUID of the journal that wrote it), `lane` (the edge's thread),
//! `first_seq` (ordinal of the first event), `count`; all as decimal text, the edge as a hyphenated UUID. Key: `edge/lane`,
//! so that a lane stays in order in one partition. Value: `count` length-delimited [`Event`]s.

use bytes::{Buf as _, Bytes};
use uuid::Uuid;

use crate::event::Event;

/// The version written in the `schema` header. A reader takes every version from 1 to this one.
pub const SCHEMA_VERSION: u32 = 1;

/// Names of the record's headers.
pub mod header {
    pub const SCHEMA: &str = "schema";
    pub const EDGE: &str = "edge";
    pub const LANE: &str = "lane";
    pub const FIRST_SEQ: &str = "first_seq";
    pub const COUNT: &str = "count";
}

/// The bytes of one event in a chunk take at most this much more than the event itself.
pub const MAX_LENGTH_BYTES: usize = 5;

/// What the headers of a chunk say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    pub edge: Uuid,
    pub lane: u32,
    pub first_seq: u64,
    pub count: u32,
}

/// Why a record is no chunk that this version can read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ChunkError {
    #[error("header {0} is missing or no number")]
    Header(&'static str),
    #[error("schema version {0} is not known")]
    Schema(u32),
    #[error("the value ends inside an event")]
    Truncated,
    #[error("the header says {expected} events, the value has {found}")]
    Count { expected: u32, found: u32 },
}

impl ChunkHeader {
    /// The record's key and the lane's name in ClickHouse: `edge/lane`.
    #[must_use]
    pub fn lane_name(&self) -> String {
        lane_name(self.edge, self.lane)
    }

    /// The header names with their values as text.
    #[must_use]
    pub fn to_text(&self) -> [(&'static str, String); 5] {
        [
            (header::SCHEMA, SCHEMA_VERSION.to_string()),
            (header::EDGE, self.edge.hyphenated().to_string()),
            (header::LANE, self.lane.to_string()),
            (header::FIRST_SEQ, self.first_seq.to_string()),
            (header::COUNT, self.count.to_string()),
        ]
    }

    /// Reads the headers; `find` gives the value of a header by its name.
    ///
    /// # Errors
    /// [`ChunkError::Header`] with the first header that is missing or unreadable, [`ChunkError::Schema`] for a version of
    /// the future.
    pub fn read<'a>(find: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, ChunkError> {
        fn parse<T: std::str::FromStr>(value: Option<&[u8]>, name: &'static str) -> Result<T, ChunkError> {
            value
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .and_then(|text| text.parse().ok())
                .ok_or(ChunkError::Header(name))
        }
        let schema = parse(find(header::SCHEMA), header::SCHEMA)?;
        if schema == 0 || schema > SCHEMA_VERSION {
            return Err(ChunkError::Schema(schema));
        }
        Ok(Self {
            edge: parse(find(header::EDGE), header::EDGE)?,
            lane: parse(find(header::LANE), header::LANE)?,
            first_seq: parse(find(header::FIRST_SEQ), header::FIRST_SEQ)?,
            count: parse(find(header::COUNT), header::COUNT)?,
        })
    }
}

/// The name of a lane: `edge/lane`.
#[must_use]
pub fn lane_name(edge: Uuid, lane: u32) -> String {
    format!("{}/{lane}", edge.hyphenated())
}

/// Appends one event's bytes to a chunk's value.
pub fn push_event(value: &mut Vec<u8>, event: &[u8]) {
    prost::encoding::encode_varint(event.len() as u64, value);
    value.extend_from_slice(event);
}

/// The bytes of a chunk's events, in order; each is an [`Event`] or unreadable on its own account.
///
/// # Errors
/// [`ChunkError::Truncated`] and [`ChunkError::Count`] when the value does not hold exactly `count` runs of bytes.
pub fn split_events(mut value: Bytes, count: u32) -> Result<Vec<Bytes>, ChunkError> {
    // A hostile count must not reserve memory that the value cannot fill.
    let mut events = Vec::with_capacity((count as usize).min(value.len()));
    while value.has_remaining() {
        let len = prost::encoding::decode_varint(&mut value).map_err(|_| ChunkError::Truncated)?;
        let len = usize::try_from(len).map_err(|_| ChunkError::Truncated)?;
        if len > value.remaining() {
            return Err(ChunkError::Truncated);
        }
        events.push(value.split_to(len));
    }
    let found = u32::try_from(events.len()).unwrap_or(u32::MAX);
    if found == count { Ok(events) } else { Err(ChunkError::Count { expected: count, found }) }
}

/// Reads one event.
///
/// # Errors
/// When the bytes are no event.
pub fn decode_event(bytes: Bytes) -> Result<Event, prost::DecodeError> {
    prost::Message::decode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_survive_the_way() {
        let header = ChunkHeader { edge: Uuid::from_u128(7), lane: 1, first_seq: u64::MAX, count: 500 };
        let text = header.to_text();
        let read = ChunkHeader::read(|name| {
            text.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes())
        });
        assert_eq!(read, Ok(header));
        assert_eq!(ChunkHeader::read(|_| None), Err(ChunkError::Header("schema")));
        assert_eq!(ChunkHeader::read(|_| Some(b"2")), Err(ChunkError::Schema(2)));
    }

    proptest! {
        #[test]
        fn events_survive_the_way(events in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut value = Vec::new();
            for event in &events {
                push_event(&mut value, event);
            }
            let split = split_events(value.into(), events.len() as u32).unwrap();
            prop_assert_eq!(split.len(), events.len());
            for (left, right) in split.iter().zip(&events) {
                prop_assert_eq!(&left[..], &right[..]);
            }
        }

        #[test]
        fn any_bytes_are_split_or_refused(value in proptest::collection::vec(any::<u8>(), 0..300), count in any::<u32>()) {
            if let Ok(events) = split_events(value.into(), count) {
                prop_assert!(events.into_iter().map(decode_event).filter(Result::is_ok).count() <= count as usize);
            }
        }
    }
}
