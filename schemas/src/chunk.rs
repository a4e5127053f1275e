//! The envelope of `sluice.events`: one Kafka record has a run of events of one lane, in the order
//! of their ordinals.
//!
//! Headers: `schema` (the version of this format), `edge` (the UUID of the journal that wrote it),
//! `lane` (the thread of the edge), `first_seq` (ordinal of the first event), `count`. All are
//! decimal text, except the edge, which is a hyphenated UUID. Key: `edge/lane`, so that a lane
//! stays in order in one partition. Value: `count` length-delimited [`Event`]s.

use bytes::{Buf as _, Bytes};
use uuid::Uuid;

use crate::event::Event;

/// The version in the `schema` header. A reader accepts every version from 1 to this one.
pub const SCHEMA_VERSION: u32 = 1;

/// The ordinal of the first event of a new journal.
pub const FIRST_ORDINAL: u64 = 1;

/// The names of the headers.
pub mod header {
    pub const SCHEMA: &str = "schema";
    pub const EDGE: &str = "edge";
    pub const LANE: &str = "lane";
    pub const FIRST_SEQ: &str = "first_seq";
    pub const COUNT: &str = "count";
}

/// The largest number of bytes that one event takes in a chunk beyond its own.
pub const MAX_LENGTH_BYTES: usize = 5;

/// The headers of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    pub edge: Uuid,
    pub lane: u32,
    pub first_seq: u64,
    pub count: u32,
}

/// The reason why a record is not a chunk that this version can read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ChunkError {
    #[error("header {0} is missing or not a number")]
    Header(&'static str),
    #[error("schema version {0} is unknown")]
    Schema(u32),
    #[error("the value ends inside an event")]
    Truncated,
    #[error("the header says {expected} events, the value has {found}")]
    Count { expected: u32, found: u32 },
}

impl ChunkHeader {
    /// Returns the key of the record, which is the name of the lane in ClickHouse: `edge/lane`.
    #[must_use]
    pub fn lane_name(&self) -> String {
        lane_name(self.edge, self.lane)
    }

    /// Returns the header names with their values as text.
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

    /// Reads the headers. `find` returns the value of a header by its name.
    ///
    /// # Errors
    /// [`ChunkError::Header`] with the first header that is missing or unreadable,
    /// [`ChunkError::Schema`] for a later version.
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

/// Returns the name of a lane: `edge/lane`.
#[must_use]
pub fn lane_name(edge: Uuid, lane: u32) -> String {
    format!("{}/{lane}", edge.hyphenated())
}

/// Appends the bytes of one event to the value of a chunk.
pub fn push_event(value: &mut Vec<u8>, event: &[u8]) {
    prost::encoding::encode_varint(event.len() as u64, value);
    value.extend_from_slice(event);
}

/// Splits a chunk into the bytes of its events, in order. Each of them may be unreadable on its
/// own.
///
/// # Errors
/// [`ChunkError::Truncated`] and [`ChunkError::Count`] if the value does not have exactly `count`
/// events.
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
