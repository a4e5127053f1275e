//! The chunks of a lane that were sent and not yet acknowledged. No I/O.
//!
//! Invariant: `acknowledged` moves only past chunks that Kafka has acknowledged, in the order of
//! their ordinals. Chunks follow each other by their ordinals and do not overlap.

use std::collections::VecDeque;

/// The chunks in flight of one lane.
#[derive(Debug)]
pub struct InFlight {
    chunks: VecDeque<Sent>,
    acknowledged: u64,
    bytes: usize,
}

/// A sent chunk.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub first_ordinal: u64,
    pub next_ordinal: u64,
    pub bytes: usize,
    /// Unix time of the first event in milliseconds.
    pub time_ms: u64,
    pub is_delivered: bool,
}

impl InFlight {
    /// Nothing is in flight, and everything below `acknowledged` is delivered.
    #[must_use]
    pub const fn new(acknowledged: u64) -> Self {
        Self { chunks: VecDeque::new(), acknowledged, bytes: 0 }
    }

    /// Adds a chunk that was sent.
    pub fn sent(&mut self, chunk: Sent) {
        let sent = self.chunks.back().map_or(self.acknowledged, |last| last.next_ordinal);
        debug_assert!(sent <= chunk.first_ordinal, "{chunk:?} begins below {sent}, which was sent before");
        self.bytes += chunk.bytes;
        self.chunks.push_back(chunk);
    }

    /// Records that Kafka has the chunk that begins with this ordinal. Returns the chunks up to
    /// which everything is now delivered.
    pub fn delivered(&mut self, first_ordinal: u64) -> Vec<Sent> {
        if let Some(chunk) = self.chunks.iter_mut().find(|chunk| chunk.first_ordinal == first_ordinal) {
            chunk.is_delivered = true;
        }
        let mut done = Vec::new();
        while let Some(chunk) = self.chunks.pop_front_if(|chunk| chunk.is_delivered) {
            self.acknowledged = chunk.next_ordinal;
            self.bytes -= chunk.bytes;
            done.push(chunk);
        }
        done
    }

    /// Forgets the chunks in flight: they will be sent again.
    pub fn clear(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }

    /// The first ordinal that Kafka has not acknowledged.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Bytes in flight.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Unix time of the oldest event in flight, in milliseconds.
    #[must_use]
    pub fn oldest_time_ms(&self) -> Option<u64> {
        self.chunks.front().map(|chunk| chunk.time_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_out_of_order_move_nothing_until_the_gap_is_closed() {
        let mut in_flight = InFlight::new(1);
        for (first_ordinal, next_ordinal) in [(1, 5), (5, 6), (6, 9)] {
            in_flight.sent(Sent {
                first_ordinal,
                next_ordinal,
                bytes: 10,
                time_ms: first_ordinal,
                is_delivered: false,
            });
        }
        assert_eq!((in_flight.bytes(), in_flight.oldest_time_ms()), (30, Some(1)));
        assert!(in_flight.delivered(5).is_empty());
        assert_eq!(in_flight.acknowledged(), 1);
        assert_eq!(in_flight.delivered(1).len(), 2);
        assert_eq!(
            (in_flight.acknowledged(), in_flight.bytes(), in_flight.oldest_time_ms()),
            (6, 10, Some(6))
        );
        assert!(in_flight.delivered(77).is_empty());
        in_flight.clear();
        assert_eq!((in_flight.acknowledged(), in_flight.bytes(), in_flight.oldest_time_ms()), (6, 0, None));
    }
}
