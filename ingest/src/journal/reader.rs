//! Reads a lane for the forwarder: records in the order of their ordinals, up to the last synced
//! one.
//!
//! Invariant: a record that is not on disk is never returned. A record that cannot be read (a
//! damaged disk) is reported and skipped together with the rest of its segment. The consumer
//! reports the gap in the ordinals as loss.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::lane::{Lane, Segment};
use super::record::{self, Parsed};
use super::segment;

const BUFFER_BYTES: usize = 512 * 1024;

/// A record of the lane.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub ordinal: u64,
    pub payload: &'a [u8],
}

/// The reading position in a lane.
pub struct LaneReader {
    lane: Arc<Lane>,
    next_ordinal: u64,
    open: Option<Open>,
    n_damaged: u64,
}

struct Open {
    segment: Segment,
    file: File,
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte in the file.
    buffer_offset: u64,
    filled: usize,
    position: usize,
}

enum Step {
    Record { start: usize, length: usize },
    EndOfSegment,
}

impl LaneReader {
    /// Returns a reader that begins at this ordinal.
    #[must_use]
    pub const fn new(lane: Arc<Lane>, next_ordinal: u64) -> Self {
        Self { lane, next_ordinal, open: None, n_damaged: 0 }
    }

    /// The next ordinal.
    #[must_use]
    pub const fn next_ordinal(&self) -> u64 {
        self.next_ordinal
    }

    /// The number of places that could not be read since the start.
    #[must_use]
    pub const fn n_damaged(&self) -> u64 {
        self.n_damaged
    }

    /// Moves to this ordinal, backward or forward.
    pub fn seek(&mut self, ordinal: u64) {
        self.open = None;
        self.next_ordinal = ordinal;
    }

    /// Closes the open segment if it has only ordinals below this one, because its file may be
    /// recycled. Reading on in it would be harmless: no record written there has the next ordinal.
    pub fn release_below(&mut self, ordinal: u64) {
        let (holding, _) = self.lane.segments_around(ordinal);
        let is_before =
            |open: &mut Open| holding.is_some_and(|held| open.segment.first_ordinal < held.first_ordinal);
        self.open.take_if(is_before);
    }

    /// Returns the next record; `None` if it is not synced yet.
    pub fn read_next(&mut self) -> io::Result<Option<Record<'_>>> {
        let limit = self.lane.synced().next;
        loop {
            if self.next_ordinal >= limit {
                return Ok(None);
            }
            if self.open.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let Some(open) = self.open.as_mut() else { return Ok(None) };
            let Step::Record { start, length } = open.step(self.next_ordinal)? else {
                if !self.leave_segment() {
                    return Ok(None);
                }
                continue;
            };
            let ordinal = self.next_ordinal;
            self.next_ordinal += 1;
            let payload = self.open.as_ref().map_or(&[][..], |open| &open.buffer[start..start + length]);
            return Ok(Some(Record { ordinal, payload }));
        }
    }

    /// Opens the segment that holds the next ordinal, and skips to it.
    fn open_segment(&mut self) -> io::Result<bool> {
        let (holding, following) = self.lane.segments_around(self.next_ordinal);
        let Some(segment) = holding.or(following) else { return Ok(false) };
        if segment.first_ordinal > self.next_ordinal {
            self.report_gap(segment.first_ordinal);
            self.next_ordinal = segment.first_ordinal;
        }
        let mut open = Open::new(segment)?;
        for ordinal in open.segment.first_ordinal..self.next_ordinal {
            if matches!(open.step(ordinal)?, Step::EndOfSegment) {
                break;
            }
        }
        self.open = Some(open);
        Ok(true)
    }

    /// Leaves the open segment, which has no further record, for the next one, if there is one.
    fn leave_segment(&mut self) -> bool {
        let Some(first_ordinal) = self.open.as_ref().map(|open| open.segment.first_ordinal) else {
            return false;
        };
        let (_, following) = self.lane.segments_around(first_ordinal);
        let Some(following) = following else {
            // Synced and yet not there. Stay: recovery at the next start decides where the lane
            // continues.
            return false;
        };
        if following.first_ordinal > self.next_ordinal {
            self.report_gap(following.first_ordinal);
        }
        self.seek(self.next_ordinal.max(following.first_ordinal));
        true
    }

    fn report_gap(&mut self, until: u64) {
        self.n_damaged += 1;
        tracing::error!(from = self.next_ordinal, until, "records of the journal cannot be read");
    }
}

impl Open {
    fn new(segment: Segment) -> io::Result<Self> {
        let file = File::open(&segment.path)?;
        let buffer = vec![0; BUFFER_BYTES];
        Ok(Self {
            segment,
            file,
            buffer,
            buffer_offset: segment::HEADER_BYTES as u64,
            filled: 0,
            position: 0,
        })
    }

    /// Finds the record with this ordinal at the current position. The buffer may be older than the
    /// file, so anything but a record is read again once.
    fn step(&mut self, ordinal: u64) -> io::Result<Step> {
        for is_fresh in [false, true] {
            if is_fresh {
                self.fill()?;
            }
            let rest = self.buffer.get(self.position..self.filled).unwrap_or_default();
            if let Parsed::Record(payload) = record::read(rest, ordinal) {
                let (start, length) = (self.position + record::HEADER_BYTES, payload.len());
                self.position += record::size(length);
                return Ok(Step::Record { start, length });
            }
        }
        Ok(Step::EndOfSegment)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer_offset += self.position as u64;
        (self.filled, self.position) = (0, 0);
        while self.filled < self.buffer.len() {
            let offset = self.buffer_offset + self.filled as u64;
            match self.file.read_at(&mut self.buffer[self.filled..], offset)? {
                0 => break,
                n_read => self.filled += n_read,
            }
        }
        Ok(())
    }
}
