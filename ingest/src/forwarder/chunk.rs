//! A chunk that is being filled: length-delimited events of one lane with consecutive ordinals.

use std::time::{Duration, Instant};

use sluice_schemas::chunk::push_event;

/// A chunk that is not sent yet.
#[derive(Debug)]
pub struct OpenChunk {
    value: Vec<u8>,
    first_ordinal: u64,
    count: u32,
    time_ms: u64,
    opened: Instant,
}

impl Default for OpenChunk {
    fn default() -> Self {
        Self { value: Vec::new(), first_ordinal: 0, count: 0, time_ms: 0, opened: Instant::now() }
    }
}

impl OpenChunk {
    /// Returns whether an event with this ordinal may follow.
    #[must_use]
    pub const fn fits(&self, ordinal: u64) -> bool {
        self.count == 0 || self.next_ordinal() == ordinal
    }

    /// Adds an event that [`OpenChunk::fits`].
    pub fn push(&mut self, ordinal: u64, event: &[u8]) {
        if self.count == 0 {
            self.first_ordinal = ordinal;
            self.time_ms = time_ms(event).unwrap_or(0);
            self.opened = Instant::now();
        }
        push_event(&mut self.value, event);
        self.count += 1;
    }

    /// Empties the chunk and keeps its memory.
    pub fn clear(&mut self) {
        self.value.clear();
        self.count = 0;
    }

    /// The value of the Kafka record so far.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The ordinal of the first event.
    #[must_use]
    pub const fn first_ordinal(&self) -> u64 {
        self.first_ordinal
    }

    /// The ordinal after the last event.
    #[must_use]
    pub const fn next_ordinal(&self) -> u64 {
        self.first_ordinal + self.count as u64
    }

    /// The number of events.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Unix time of the first event in milliseconds; `None` if the chunk is empty.
    #[must_use]
    pub fn time_ms(&self) -> Option<u64> {
        (self.count > 0).then_some(self.time_ms)
    }

    /// Returns how long the chunk may still wait for more events; `None` if it is empty.
    #[must_use]
    pub fn patience(&self, linger: Duration) -> Option<Duration> {
        (self.count > 0).then(|| linger.saturating_sub(self.opened.elapsed()))
    }
}

/// Reads the time of an event without the rest: it is the varint after the 16 bytes of the id.
fn time_ms(event: &[u8]) -> Option<u64> {
    const ID_BYTES: usize = 18;
    const TIME_TAG: u8 = 2 << 3;
    let varint = event.get(ID_BYTES..)?.strip_prefix(&[TIME_TAG])?;
    let mut value = 0;
    for (byte, shift) in varint.iter().zip((0_u32..).step_by(7)).take(9) {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use sluice_schemas::chunk::{decode_event, split_events};
    use sluice_schemas::event::EventRef;

    use super::*;

    #[test]
    fn a_chunk_is_what_the_consumer_splits_and_knows_the_time_of_its_first_event() {
        let mut event = EventRef {
            id: [7; 16],
            time_ms: 1_790_000_000_123,
            ip: [0; 16],
            user_agent: b"a",
            referer: b"",
            pairs: b"k=1",
            marks: 0,
            order: None,
        };
        let mut chunk = OpenChunk::default();
        assert_eq!((chunk.time_ms(), chunk.patience(Duration::ZERO)), (None, None));
        for ordinal in 41..44 {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            assert!(chunk.fits(ordinal) && (ordinal == 41 || !chunk.fits(ordinal + 1)));
            chunk.push(ordinal, &bytes);
            event.time_ms += 1;
        }
        assert_eq!((chunk.first_ordinal(), chunk.next_ordinal(), chunk.count()), (41, 44, 3));
        assert_eq!(chunk.time_ms(), Some(1_790_000_000_123));
        let events = split_events(chunk.value().to_vec().into(), 3).unwrap();
        assert_eq!(decode_event(events[2].clone()).unwrap().time_ms, 1_790_000_000_125);
        chunk.clear();
        assert_eq!(chunk.count(), 0);
        assert_eq!(time_ms(&[0; 5]), None);
    }
}
