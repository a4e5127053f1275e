//! Writes a lane. One thread owns the writer. It encodes an event in place, publishes it, and moves
//! to a new segment when one is full. It takes a lock or makes a system call only when the window
//! or the segment changes.
//!
//! Invariant: ordinals have no gaps, and an ordinal is given only to a record that is completely in
//! the mapping.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sluice_schemas::event::EventRef;

use super::lane::{Lane, Segment, Synced};
use super::mapping::MappedWindow;
use super::prepare::Prepared;
use super::segment::{self, Header};
use super::{Shared, record};

/// The pause after a failure to make a segment.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The reason why an event was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The journal has its configured size, or the disk is full.
    #[error("the journal is full")]
    Full,
    /// The journal could not be written or synced.
    #[error("the journal has failed")]
    Failed,
}

/// The writing end of a lane.
#[derive(Debug)]
pub struct LaneWriter {
    lane: Arc<Lane>,
    shared: Arc<Shared>,
    active: Option<Active>,
    next_ordinal: u64,
    blocked_until: Option<(Instant, AppendError)>,
}

#[derive(Debug)]
struct Active {
    file: Arc<File>,
    window: MappedWindow,
    position: usize,
    bytes: usize,
    /// The next segment is requested at this position. It is not requested at the start, because
    /// the file of the previous segment may be ready for recycling later.
    ask_position: usize,
}

impl Active {
    /// Returns the bytes to write for a record: the end follows it, except at the end of the file.
    fn slot_bytes(&self, record_bytes: usize) -> usize {
        (record_bytes + record::END_BYTES).min(self.bytes - self.position)
    }
}

impl LaneWriter {
    pub(super) fn new(lane: Arc<Lane>, shared: Arc<Shared>) -> Self {
        let _entered = lane.span.clone().entered();
        let next_ordinal = lane.published();
        let mut writer = Self { lane, shared, active: None, next_ordinal, blocked_until: None };
        if let Err(error) = writer.rotate() {
            tracing::warn!(%error, "the edge starts without a segment to write to");
        }
        writer
    }

    /// The lane that is written.
    #[must_use]
    pub fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Writes an event and returns its ordinal. From then on a killed process does not lose the
    /// event.
    pub fn append(&mut self, event: &EventRef<'_>) -> Result<u64, AppendError> {
        let payload_bytes = event.encoded_len();
        if payload_bytes > record::MAX_PAYLOAD_BYTES || self.lane.has_failed() {
            return Err(AppendError::Failed);
        }
        let bytes = record::size(payload_bytes);
        self.make_room(bytes)?;
        let active = self.active.as_mut().ok_or(AppendError::Full)?;
        let slot_bytes = active.slot_bytes(bytes);
        let slot = active.window.slot(active.position, slot_bytes).ok_or(AppendError::Failed)?;
        let ordinal = self.next_ordinal;
        record::write(slot, payload_bytes, ordinal, |mut payload| event.encode(&mut payload));
        active.position += bytes;
        self.next_ordinal += 1;
        self.lane.publish(self.next_ordinal, bytes as u64, (active.bytes - active.position) as u64);
        if active.position >= active.ask_position {
            active.ask_position = usize::MAX;
            self.lane.ask();
            self.shared.request_prepared(self.lane.id);
        }
        Ok(ordinal)
    }

    /// Requests a sync now instead of at the next interval, and waits until this ordinal is on
    /// disk.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// [`AppendError::Failed`] if the sync failed: the event may or may not survive a power
    /// failure.
    pub fn synced(&self, ordinal: u64) -> impl Future<Output = Result<(), AppendError>> + use<> {
        let mut synced = self.lane.watch_synced();
        self.shared.sync_wanted.raise();
        async move {
            let done = |synced: &Synced| synced.next > ordinal || synced.failed;
            match synced.wait_for(done).await {
                Ok(synced) if synced.next > ordinal => Ok(()),
                _ => Err(AppendError::Failed),
            }
        }
    }

    fn make_room(&mut self, bytes: usize) -> Result<(), AppendError> {
        if let Some(active) = self.active.as_mut()
            && active.position + bytes <= active.bytes
        {
            let slot_bytes = active.slot_bytes(bytes);
            if active.window.slot(active.position, slot_bytes).is_none() {
                active.window = MappedWindow::open(&active.file, active.bytes, active.position)
                    .map_err(|error| failed(&error))?;
            }
            return Ok(());
        }
        self.rotate()
    }

    fn rotate(&mut self) -> Result<(), AppendError> {
        if let Some((until, error)) = self.blocked_until
            && Instant::now() < until
        {
            return Err(error);
        }
        let prepared = self.lane.take_prepared(|| self.shared.prepare(&self.lane));
        let prepared = prepared.map_err(|error| self.block(error))?;
        match self.activate(prepared) {
            Ok(active) => {
                self.active = Some(active);
                self.blocked_until = None;
                self.lane.set_full(false);
                Ok(())
            }
            Err(error) => {
                let error = failed(&error);
                Err(self.block(error))
            }
        }
    }

    /// A full budget is checked again at the next event, because that costs nothing. After an error
    /// of the disk the lane waits for `RETRY_PAUSE` before it tries again.
    fn block(&mut self, error: AppendError) -> AppendError {
        self.lane.set_full(true);
        let is_free_to_ask =
            error == AppendError::Full && self.shared.budget.free_bytes() < self.shared.segment_bytes;
        self.blocked_until = (!is_free_to_ask).then(|| (Instant::now() + RETRY_PAUSE, error));
        error
    }

    fn activate(&self, prepared: Prepared) -> io::Result<Active> {
        let bytes = prepared.bytes as usize;
        let path = segment::path(&self.lane.dir, self.next_ordinal);
        let activated = self.name(&prepared, &path);
        let window = match activated {
            Ok(window) => window,
            Err(error) => {
                std::fs::remove_file(&prepared.path)?;
                self.shared.budget.release(prepared.bytes);
                return Err(error);
            }
        };
        let file = Arc::new(prepared.file);
        self.lane.push_segment(Segment {
            first_ordinal: self.next_ordinal,
            path,
            bytes: prepared.bytes,
            file: Some(Arc::clone(&file)),
            is_new: true,
        });
        Ok(Active { file, window, position: segment::HEADER_BYTES, bytes, ask_position: bytes / 2 })
    }

    /// Writes the header before the rename: a file with the name of a segment has its header,
    /// whenever the process is killed.
    fn name(&self, prepared: &Prepared, path: &std::path::Path) -> io::Result<MappedWindow> {
        let mut window = MappedWindow::open(&prepared.file, prepared.bytes as usize, 0)?;
        let header = Header { edge: self.shared.edge, lane: self.lane.id, first_ordinal: self.next_ordinal };
        let (start, end) = window
            .slot(0, segment::HEADER_BYTES + record::END_BYTES)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?
            .split_at_mut(segment::HEADER_BYTES);
        end.fill(0);
        start.copy_from_slice(&header.to_bytes());
        std::fs::rename(&prepared.path, path)?;
        Ok(window)
    }
}

fn failed(error: &io::Error) -> AppendError {
    tracing::error!(%error, "the journal cannot be written");
    AppendError::Failed
}
