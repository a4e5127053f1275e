//! One lane on its way to Kafka: reader, open chunk, chunks in flight, durable cursor.
//!
//! Invariant: cursor ≤ acknowledged ≤ first ordinal of the open chunk ≤ next ordinal of the reader
//! ≤ next ordinal of the writer. So the cursor never passes an event that Kafka might not have, and
//! no event is skipped. Debug builds check this.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use sluice_schemas::chunk::ChunkHeader;
use tracing::Span;
use uuid::Uuid;

use super::chunk::OpenChunk;
use super::in_flight::{InFlight, Sent};
use super::producer::{Producer, Ticket};
use crate::config::KafkaConfig;
use crate::journal::budget::Budget;
use crate::journal::cursor::Cursor;
use crate::journal::lane::Lane;
use crate::journal::reader::LaneReader;

/// The producer, and the number of bytes that may still be sent.
pub struct Outbox<'a> {
    pub producer: &'a Producer,
    pub edge: Uuid,
    pub generation: u64,
    pub config: &'a KafkaConfig,
    pub free_bytes: usize,
}

/// The forwarder's state of one lane.
pub struct ForwardedLane {
    lane: Arc<Lane>,
    reader: LaneReader,
    cursor: Cursor,
    in_flight: InFlight,
    chunk: OpenChunk,
}

impl ForwardedLane {
    /// Starts at the cursor of the lane.
    pub fn open(lane: &Arc<Lane>) -> io::Result<Self> {
        let cursor = Cursor::open(&lane.dir)?;
        let next_ordinal = cursor.next_ordinal();
        Ok(Self {
            lane: Arc::clone(lane),
            reader: LaneReader::new(Arc::clone(lane), next_ordinal),
            cursor,
            in_flight: InFlight::new(next_ordinal),
            chunk: OpenChunk::default(),
        })
    }

    /// Returns the span to enter while working on the lane.
    #[must_use]
    pub fn span(&self) -> Span {
        self.lane.span.clone()
    }

    /// Reads synced records into chunks, and sends chunks that are full or have waited long enough.
    ///
    /// # Errors
    /// When the producer can no longer be used. A segment that cannot be read is logged and tried
    /// again later.
    pub fn send(&mut self, index: usize, outbox: &mut Outbox<'_>) -> Result<(), KafkaError> {
        self.debug_assert_order();
        let linger = Duration::from_millis(outbox.config.linger_ms);
        while self.chunk.value().len() < outbox.free_bytes {
            let record = match self.reader.read_next() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    tracing::error!(%error, "the journal cannot be read");
                    break;
                }
            };
            if !self.chunk.fits(record.ordinal) {
                // A gap: the chunk before it is sent alone, and this record is read again.
                let ordinal = record.ordinal;
                self.reader.seek(ordinal);
                if !hand_over(&self.lane, &mut self.chunk, &mut self.in_flight, index, outbox)? {
                    return Ok(());
                }
                continue;
            }
            self.chunk.push(record.ordinal, record.payload);
            if self.chunk.value().len() >= outbox.config.chunk_bytes
                && !hand_over(&self.lane, &mut self.chunk, &mut self.in_flight, index, outbox)?
            {
                return Ok(());
            }
        }
        if self.chunk.patience(linger).is_some_and(|patience| patience.is_zero()) {
            hand_over(&self.lane, &mut self.chunk, &mut self.in_flight, index, outbox)?;
        }
        Ok(())
    }

    /// Records that Kafka has the chunk that begins with this ordinal.
    pub fn delivered(&mut self, first_ordinal: u64) -> Vec<Sent> {
        let delivered = self.in_flight.delivered(first_ordinal);
        self.debug_assert_order();
        delivered
    }

    /// Goes back to the first event that Kafka has not acknowledged.
    pub fn rewind(&mut self) {
        self.in_flight.clear();
        self.chunk.clear();
        self.reader.seek(self.in_flight.acknowledged());
        self.debug_assert_order();
    }

    /// Writes the cursor if it has moved, and recycles or deletes delivered segments.
    pub fn store_cursor(&mut self, budget: &Budget) -> io::Result<()> {
        if !self.is_cursor_behind() {
            return Ok(());
        }
        let acknowledged = self.in_flight.acknowledged();
        self.cursor.store(acknowledged)?;
        self.debug_assert_order();
        if self.lane.has_segment_below(acknowledged) {
            self.cursor.sync()?;
            self.reader.release_below(acknowledged);
            self.lane.delete_below(acknowledged, budget)?;
        }
        Ok(())
    }

    /// Checks the invariant of this module in debug builds. If it is broken, a restart skips
    /// events, or the reader has passed events that are in no chunk.
    fn debug_assert_order(&self) {
        let (cursor, acknowledged) = (self.cursor.next_ordinal(), self.in_flight.acknowledged());
        let (read, written) = (self.reader.next_ordinal(), self.lane.published());
        let open = if self.chunk.count() > 0 { self.chunk.first_ordinal() } else { read };
        debug_assert!(
            [cursor, acknowledged, open, read, written].is_sorted(),
            "lane {}: cursor {cursor}, acknowledged {acknowledged}, open chunk {open}, read {read}, \
             written {written}",
            self.lane.id
        );
    }

    /// Returns whether [`ForwardedLane::store_cursor`] has something to write.
    #[must_use]
    pub const fn is_cursor_behind(&self) -> bool {
        self.cursor.next_ordinal() < self.in_flight.acknowledged()
    }

    /// The first ordinal that Kafka has not acknowledged.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.in_flight.acknowledged()
    }

    /// Bytes in flight.
    #[must_use]
    pub const fn in_flight_bytes(&self) -> usize {
        self.in_flight.bytes()
    }

    /// The number of places in the journal that could not be read.
    #[must_use]
    pub const fn n_damaged(&self) -> u64 {
        self.reader.n_damaged()
    }

    /// Unix time in milliseconds of the oldest event that was read and is not acknowledged.
    #[must_use]
    pub fn oldest_time_ms(&self) -> Option<u64> {
        self.in_flight.oldest_time_ms().or_else(|| self.chunk.time_ms())
    }

    /// Returns how long the open chunk may still wait; `None` if it is empty.
    #[must_use]
    pub fn patience(&self, linger: Duration) -> Option<Duration> {
        self.chunk.patience(linger)
    }
}

/// Sends the open chunk; `false` if the queue of the producer is full.
fn hand_over(
    lane: &Lane,
    chunk: &mut OpenChunk,
    in_flight: &mut InFlight,
    lane_index: usize,
    outbox: &mut Outbox<'_>,
) -> Result<bool, KafkaError> {
    let header = ChunkHeader {
        edge: outbox.edge,
        lane: lane.id,
        first_seq: chunk.first_ordinal(),
        count: chunk.count(),
    };
    let ticket = Ticket { generation: outbox.generation, lane_index, first_ordinal: chunk.first_ordinal() };
    if !outbox.producer.send(&outbox.config.topic, &header, chunk.value(), ticket)? {
        return Ok(false);
    }
    let bytes = chunk.value().len();
    in_flight.sent(Sent {
        first_ordinal: chunk.first_ordinal(),
        next_ordinal: chunk.next_ordinal(),
        bytes,
        time_ms: chunk.time_ms().unwrap_or(0),
        is_delivered: false,
    });
    outbox.free_bytes = outbox.free_bytes.saturating_sub(bytes);
    chunk.clear();
    Ok(true)
}
