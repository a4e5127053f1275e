//! The state that the threads of a lane share: its segments, how far it is written, and how far it
//! is synced. The serving thread publishes, the sync thread moves `synced`, and the forwarder reads
//! up to there and has segments deleted.
//!
//! Invariant: `synced.next` never passes `published`, and every record below `synced.next` is on
//! disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tracing::Span;

use super::budget::Budget;
use super::prepare::Prepared;
use super::segment::sync_dir;

/// The progress of a lane's sync to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// Every ordinal below this one is on disk.
    pub next: u64,
    /// A sync failed: no further record will be reported as synced.
    pub failed: bool,
}

/// A segment of the lane.
#[derive(Debug, Clone)]
pub struct Segment {
    pub first_ordinal: u64,
    pub path: PathBuf,
    pub bytes: u64,
    /// Open for as long as the sync thread may have to sync it.
    pub file: Option<Arc<File>>,
    /// The name in the directory is not durable yet.
    pub is_new: bool,
}

/// One lane: the sequence of events of one edge thread.
#[derive(Debug)]
pub struct Lane {
    pub id: u32,
    pub dir: PathBuf,
    /// Entered by all work on the lane, so that its log lines name the lane.
    pub span: Span,
    /// Whether this edge writes to the lane. A lane beyond the current thread count is only
    /// drained.
    pub is_written: bool,
    /// Segments of this size are recycled; `None` if files are never recycled.
    recycled_bytes: Option<u64>,
    published: AtomicU64,
    written_bytes: AtomicU64,
    tail_bytes: AtomicU64,
    has_failed: AtomicBool,
    is_full: AtomicBool,
    synced: watch::Sender<Synced>,
    segments: Mutex<Vec<Segment>>,
    prepared: Mutex<Option<Prepared>>,
    is_asking: AtomicBool,
}

/// The span of all log lines about a lane.
pub(super) fn span(id: u32) -> Span {
    tracing::info_span!(parent: None, "lane", lane = id)
}

impl Lane {
    /// Returns a lane as recovered. Its records are on disk.
    #[must_use]
    pub fn new(
        id: u32,
        dir: PathBuf,
        is_written: bool,
        recycled_bytes: Option<u64>,
        next_ordinal: u64,
        segments: Vec<Segment>,
    ) -> Self {
        Self {
            id,
            dir,
            span: span(id),
            is_written,
            recycled_bytes: recycled_bytes.filter(|_| is_written),
            published: AtomicU64::new(next_ordinal),
            written_bytes: AtomicU64::new(0),
            tail_bytes: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            synced: watch::Sender::new(Synced { next: next_ordinal, failed: false }),
            segments: Mutex::new(segments),
            prepared: Mutex::new(None),
            is_asking: AtomicBool::new(false),
        }
    }

    /// The next ordinal to be written. Every record below it survives a crash of this process.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Publishes a written record of `bytes`; `tail_bytes` are left in the segment. Only the thread
    /// of the lane calls this.
    pub(super) fn publish(&self, next_ordinal: u64, bytes: u64, tail_bytes: u64) {
        // A gap would be loss to the consumer, and a repetition would be dropped there.
        debug_assert_eq!(next_ordinal, self.published() + 1, "ordinals have no gaps");
        let written_bytes = self.written_bytes.load(Ordering::Relaxed) + bytes;
        self.written_bytes.store(written_bytes, Ordering::Relaxed);
        self.tail_bytes.store(tail_bytes, Ordering::Relaxed);
        self.published.store(next_ordinal, Ordering::Release);
    }

    /// Bytes of records written since the start.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that can be written without a new file.
    #[must_use]
    pub fn ready_bytes(&self) -> u64 {
        let prepared_bytes = self.lock_prepared().as_ref().map_or(0, |prepared| prepared.bytes);
        self.tail_bytes.load(Ordering::Relaxed) + prepared_bytes
    }

    /// The progress of the lane's sync to disk.
    #[must_use]
    pub fn synced(&self) -> Synced {
        *self.synced.borrow()
    }

    /// Returns a receiver of the changes of [`Lane::synced`].
    #[must_use]
    pub fn watch_synced(&self) -> watch::Receiver<Synced> {
        self.synced.subscribe()
    }

    /// Whether a sync failed. This is final, because nobody knows what the kernel dropped then.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Whether the lane refuses events: its last segment could not be made, and no space came back
    /// since, or a sync failed.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.is_full.load(Ordering::Relaxed) || self.has_failed()
    }

    /// Notes that there was, or was not, space for the segment that the lane needs. Only the thread
    /// of the lane calls this.
    pub(super) fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Writes everything that is published to disk. Returns whether there was anything. Only the
    /// sync thread calls this.
    ///
    /// # Errors
    /// When a file cannot be synced. The lane has then failed for good.
    pub(super) fn sync(&self) -> io::Result<bool> {
        let next = self.published();
        // The forwarder would send records that a power failure can take back.
        debug_assert!(self.synced().next <= next, "a record was reported as synced before it was published");
        if self.has_failed() || next == self.synced().next {
            return Ok(false);
        }
        match self.sync_files() {
            Ok(()) => {
                self.synced.send_modify(|synced| synced.next = next);
                Ok(true)
            }
            Err(error) => {
                self.has_failed.store(true, Ordering::Relaxed);
                self.synced.send_modify(|synced| synced.failed = true);
                Err(error)
            }
        }
    }

    fn sync_files(&self) -> io::Result<()> {
        let open: Vec<Segment> =
            self.lock_segments().iter().filter(|segment| segment.file.is_some()).cloned().collect();
        for segment in &open {
            if let Some(file) = &segment.file {
                file.sync_data()?;
            }
        }
        if open.iter().any(|segment| segment.is_new) {
            sync_dir(&self.dir)?;
        }
        // All segments but the last were full when the list was taken, so nothing was written to
        // them since.
        let Some((last, closed)) = open.split_last() else { return Ok(()) };
        for segment in self.lock_segments().iter_mut() {
            if closed.iter().any(|other| other.first_ordinal == segment.first_ordinal) {
                segment.file = None;
            }
            if segment.first_ordinal <= last.first_ordinal {
                segment.is_new = false;
            }
        }
        Ok(())
    }

    /// Adds the segment that takes the next records. Only the thread of the lane calls this.
    pub(super) fn push_segment(&self, segment: Segment) {
        self.lock_segments().push(segment);
    }

    /// Returns the segment that contains this ordinal, or would contain it, and the next segment.
    #[must_use]
    pub fn segments_around(&self, ordinal: u64) -> (Option<Segment>, Option<Segment>) {
        let segments = self.lock_segments();
        let after = segments.partition_point(|segment| segment.first_ordinal <= ordinal);
        (after.checked_sub(1).map(|before| segments[before].clone()), segments.get(after).cloned())
    }

    /// Returns whether [`Lane::delete_below`] would delete something.
    #[must_use]
    pub fn has_segment_below(&self, ordinal: u64) -> bool {
        self.n_below(&self.lock_segments(), ordinal) > 0
    }

    /// Deletes the segments that have only ordinals below this one, except the one being written.
    /// The file of one of them becomes the next segment, even if a new file is prepared already:
    /// that file has no pages in memory yet.
    ///
    /// # Errors
    /// When a file cannot be deleted. Earlier deletions stay.
    pub fn delete_below(&self, ordinal: u64, budget: &Budget) -> io::Result<()> {
        loop {
            let Some(segment) = ({
                let mut segments = self.lock_segments();
                (self.n_below(&segments, ordinal) > 0).then(|| segments.remove(0))
            }) else {
                return Ok(());
            };
            if self.recycle(&segment, budget) {
                self.is_full.store(false, Ordering::Relaxed);
                continue;
            }
            match std::fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.lock_segments().insert(0, segment);
                    return Err(error);
                }
                _ => {
                    budget.release(segment.bytes);
                    self.is_full.store(false, Ordering::Relaxed);
                }
            }
        }
    }

    fn recycle(&self, segment: &Segment, budget: &Budget) -> bool {
        if self.recycled_bytes != Some(segment.bytes) {
            return false;
        }
        let mut prepared = self.lock_prepared();
        if prepared.as_ref().is_some_and(|prepared| prepared.is_recycled) {
            return false;
        }
        let recycled = match Prepared::recycle(segment, &self.dir) {
            Ok(recycled) => recycled,
            Err(error) => {
                tracing::warn!(%error, "a segment cannot be recycled");
                return false;
            }
        };
        if let Some(new) = prepared.replace(recycled) {
            match std::fs::remove_file(&new.path) {
                Ok(()) => budget.release(new.bytes),
                Err(error) => tracing::warn!(%error, "a prepared file cannot be removed"),
            }
        }
        true
    }

    fn n_below(&self, segments: &[Segment], ordinal: u64) -> usize {
        let closed = segments.windows(2).take_while(|pair| pair[1].first_ordinal <= ordinal).count();
        let is_last_done = !self.is_written && closed + 1 == segments.len() && self.published() <= ordinal;
        closed + usize::from(is_last_done)
    }

    /// Announces that the thread of the lane will need a segment. Only that thread calls this.
    pub(super) fn ask(&self) {
        self.is_asking.store(true, Ordering::Relaxed);
    }

    /// Prepares the next segment unless one is ready or no longer needed. A thread that needs the
    /// segment meanwhile waits for it instead of reserving another.
    pub(super) fn prepare<E>(&self, make: impl FnOnce() -> Result<Prepared, E>) -> Result<(), E> {
        let mut prepared = self.lock_prepared();
        if prepared.is_none() && self.is_asking.load(Ordering::Relaxed) {
            *prepared = Some(make()?);
        }
        Ok(())
    }

    /// Returns the prepared segment, or makes one now.
    pub(super) fn take_prepared<E>(&self, make: impl FnOnce() -> Result<Prepared, E>) -> Result<Prepared, E> {
        let mut prepared = self.lock_prepared();
        self.is_asking.store(false, Ordering::Relaxed);
        prepared.take().map_or_else(make, Ok)
    }

    fn lock_prepared(&self) -> MutexGuard<'_, Option<Prepared>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_segments(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
