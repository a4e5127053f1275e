//! Chunks → events, each once: leaves out the events that a lane has had already, and reports those
//! that are missing. Pure.
//!
//! Invariant: in a lane, the ordinals of the events returned rise by one from the expected ordinal,
//! except at gaps, and each gap is reported. A chunk or an event that cannot be read is returned as
//! [`Decoded::Unreadable`], never skipped.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sluice_schemas::chunk::{ChunkError, ChunkHeader, decode_event, split_events};
use sluice_schemas::event::Event;
use uuid::Uuid;

/// One record of the topic.
#[derive(Debug, Clone)]
pub struct Record {
    pub offset: i64,
    /// When it was given to Kafka (Unix milliseconds): the same at every reading.
    pub timestamp_ms: i64,
    pub header: Result<ChunkHeader, ChunkError>,
    /// The header with the version of the format.
    pub schema: Option<Bytes>,
    pub value: Bytes,
}

/// One event, or bytes that are not an event.
#[derive(Debug, Clone)]
pub enum Decoded {
    Event(Box<Event>),
    Unreadable,
}

/// An event and its location in Kafka, which is unique for ever.
#[derive(Debug, Clone)]
pub struct LocatedEvent {
    /// `edge/lane`, or `topic/partition` of a record that is not a chunk.
    pub lane: Arc<str>,
    pub position: Position,
    pub decoded: Decoded,
    /// The bytes as they came.
    pub bytes: Bytes,
}

/// A position in a lane, or in a partition.
#[derive(Debug, Clone, Copy)]
pub enum Position {
    Ordinal(u64),
    Offset(i64),
}

impl LocatedEvent {
    /// The location as `edge/lane:ordinal` or `topic/partition@offset`. Only parked events need it.
    #[must_use]
    pub fn place(&self) -> String {
        match self.position {
            Position::Ordinal(ordinal) => format!("{}:{ordinal}", self.lane),
            Position::Offset(offset) => format!("{}@{offset}", self.lane),
        }
    }

    /// The event, if it could be read.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        match &self.decoded {
            Decoded::Event(event) => Some(event),
            Decoded::Unreadable => None,
        }
    }

    /// An id for an event that has none of its own: the same for the same location.
    #[must_use]
    pub fn place_id(&self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.place().as_bytes())
    }
}

/// The next ordinal expected of each lane, by its name.
pub type Lanes = HashMap<String, u64>;

/// The events of a run of records.
#[derive(Debug, Default)]
pub struct Run {
    pub events: Vec<LocatedEvent>,
    /// The next ordinals of the lanes that moved.
    pub moved: Lanes,
    /// Events that were left out because the lane has had them.
    pub n_repeated: u64,
    /// Ordinals that never came.
    pub n_missing: u64,
    pub gaps: Vec<Gap>,
}

/// Ordinals of a lane that never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub lane: Arc<str>,
    pub n_missing: u64,
    /// The time of the event behind the gap (Unix milliseconds).
    pub time_ms: u64,
}

/// Decodes records of one partition in order. `lanes` has the expected ordinals; it is not changed,
/// since the batch may fail.
#[must_use]
pub fn decode_records(source: &str, records: &[Record], lanes: &Lanes) -> Run {
    let mut run = Run::default();
    for record in records {
        match &record.header {
            Ok(header) => run.add_chunk(*header, record, source, lanes),
            Err(error) => run.add_unreadable(record, source, error),
        }
    }
    run
}

impl Run {
    fn add_chunk(&mut self, header: ChunkHeader, record: &Record, source: &str, lanes: &Lanes) {
        let events = match split_events(record.value.clone(), header.count) {
            Ok(events) => events,
            Err(error) => return self.add_unreadable(record, source, &error),
        };
        let name = header.lane_name();
        let expected = self.moved.get(&name).or_else(|| lanes.get(&name)).copied();
        let after = header.first_seq.saturating_add(u64::from(header.count));
        let n_had =
            expected.map_or(0, |expected| expected.saturating_sub(header.first_seq).min(header.count.into()));
        self.n_repeated += n_had;
        if let Some(expected) = expected.filter(|expected| header.first_seq > *expected) {
            let n_missing = header.first_seq - expected;
            tracing::error!(lane = name, expected, found = header.first_seq, n_missing, "events are missing");
            self.n_missing += n_missing;
            self.gaps.push(Gap {
                lane: name.as_str().into(),
                n_missing,
                time_ms: time_behind_gap(&events, record),
            });
        }
        let lane: Arc<str> = name.as_str().into();
        let skip = usize::try_from(n_had).unwrap_or(usize::MAX);
        for (seq, bytes) in (header.first_seq..).zip(events).skip(skip) {
            let decoded = decode_event(bytes.clone())
                .ok()
                .filter(|event| event.id.len() == 16)
                .map_or(Decoded::Unreadable, |event| Decoded::Event(Box::new(event)));
            self.events.push(LocatedEvent {
                lane: Arc::clone(&lane),
                position: Position::Ordinal(seq),
                decoded,
                bytes,
            });
        }
        self.moved.insert(name, expected.map_or(after, |expected| expected.max(after)));
    }

    fn add_unreadable(&mut self, record: &Record, source: &str, error: &ChunkError) {
        tracing::error!(%error, offset = record.offset, "parked a record that is not a readable chunk");
        self.events.push(LocatedEvent {
            lane: source.into(),
            position: Position::Offset(record.offset),
            decoded: Decoded::Unreadable,
            bytes: record.value.clone(),
        });
    }
}

/// The time of the first event of a chunk, or else that of its record.
fn time_behind_gap(events: &[Bytes], record: &Record) -> u64 {
    let first = events.first().and_then(|bytes| decode_event(bytes.clone()).ok());
    first.map_or_else(|| record.timestamp_ms.unsigned_abs(), |event| event.time_ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluice_schemas::chunk::push_event;
    use sluice_schemas::event::EventRef;

    use super::*;

    fn record(first_seq: u64, count: u32) -> Record {
        let mut value = Vec::new();
        for seq in first_seq..first_seq + u64::from(count) {
            let event = EventRef {
                id: Uuid::from_u128(seq.into()).into_bytes(),
                time_ms: seq,
                ip: [0; 16],
                user_agent: b"",
                referer: b"",
                pairs: b"",
                marks: 0,
                order: None,
            };
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            push_event(&mut value, &bytes);
        }
        let header = ChunkHeader { edge: Uuid::nil(), lane: 0, first_seq, count };
        Record { offset: 0, timestamp_ms: 0, header: Ok(header), schema: None, value: value.into() }
    }

    fn seqs(run: &Run) -> Vec<u64> {
        run.events
            .iter()
            .map(|event| match &event.decoded {
                Decoded::Event(event) => event.time_ms,
                Decoded::Unreadable => panic!("unreadable"),
            })
            .collect()
    }

    #[test]
    fn chunks_cut_anew_are_trimmed() {
        let run =
            decode_records("t/0", &[record(0, 5), record(3, 4), record(0, 2), record(7, 1)], &Lanes::new());
        assert_eq!(seqs(&run), (0..8).collect::<Vec<_>>());
        assert_eq!((run.n_repeated, run.n_missing), (4, 0));
    }

    #[test]
    fn a_gap_is_reported_and_a_first_sight_is_none() {
        let run = decode_records("t/0", &[record(10, 2), record(15, 1)], &Lanes::new());
        assert_eq!(seqs(&run), [10, 11, 15]);
        assert_eq!(run.n_missing, 3);
        let lane = ChunkHeader { edge: Uuid::nil(), lane: 0, first_seq: 0, count: 0 }.lane_name();
        assert_eq!(run.gaps, [Gap { lane: lane.as_str().into(), n_missing: 3, time_ms: 15 }]);
    }

    #[test]
    fn what_is_no_chunk_is_kept() {
        let mut short = record(0, 2);
        short.header = Ok(ChunkHeader { edge: Uuid::nil(), lane: 0, first_seq: 0, count: 3 });
        let foreign = Record {
            offset: 7,
            timestamp_ms: 0,
            header: Err(ChunkError::Header("schema")),
            schema: None,
            value: Bytes::from_static(b"x"),
        };
        let run = decode_records("t/0", &[short, foreign], &Lanes::new());
        assert_eq!(run.events.len(), 2);
        assert!(run.events.iter().all(|event| matches!(event.decoded, Decoded::Unreadable)));
        assert_eq!(run.events[1].place(), "t/0@7");
    }

    proptest! {
        /// An edge that is killed again and again sends runs that begin at or before the next
        /// ordinal.
        #[test]
        fn every_ordinal_comes_once(cuts in proptest::collection::vec((0_u64..6, 1_u32..10), 1..30), split in 0_usize..30) {
            let mut sent = 0_u64;
            let mut records = Vec::new();
            for (back, count) in cuts {
                let first = sent.saturating_sub(back);
                records.push(record(first, count));
                sent = sent.max(first + u64::from(count));
            }
            let split = split.min(records.len());
            let first = decode_records("t/0", &records[..split], &Lanes::new());
            let second = decode_records("t/0", &records[split..], &first.moved);
            let all: Vec<u64> = seqs(&first).into_iter().chain(seqs(&second)).collect();
            prop_assert_eq!(all, (0..sent).collect::<Vec<_>>());
        }
    }
}
