//! What a lane's threads share: its segments, how far it is written, how far it is synced. The lane's own thread publishes,
//! the sync thread moves `synced`, the forwarder reads up to there and has segments deleted.
//!
//! Invariant: `synced.next` never passes `published`, and every record below `synced.next` is on disk.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::budget::Budget;
use super::prepare::Prepared;
use super::segment::sync_dir;

/// How far a lane is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// Every ordinal below is on disk.
    pub next: u64,
    /// A sync failed: nothing more will be promised.
    pub failed: bool,
}

/// A segment of the lane.
#[derive(Debug, Clone)]
pub struct Segment {
    pub first_ordinal: u64,
    pub path: PathBuf,
    pub bytes: u64,
    /// Open while the sync thread may have to sync it.
    pub file: Option<Arc<File>>,
    /// The directory does not yet durably name it.
    pub is_new: bool,
}

/// One lane: an edge thread's own sequence of events.
#[derive(Debug)]
pub struct Lane {
    pub id: u32,
    pub dir: PathBuf,
    /// Whether this edge writes to it; lanes of a larger former thread count are only drained.
    pub is_written: bool,
    /// Segments of this size are recycled; `None` where no file is to be written twice.
    recycled_bytes: Option<u64>,
    published: AtomicU64,
    written_bytes: AtomicU64,
    tail_bytes: AtomicU64,
    has_failed: AtomicBool,
    synced: watch::Sender<Synced>,
    segments: Mutex<Vec<Segment>>,
    prepared: Mutex<Option<Prepared>>,
    is_asking: AtomicBool,
}

impl Lane {
    /// A lane as recovery found it; its records are on disk.
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
            is_written,
            recycled_bytes: recycled_bytes.filter(|_| is_written),
            published: AtomicU64::new(next_ordinal),
            written_bytes: AtomicU64::new(0),
            tail_bytes: AtomicU64::new(0),
            has_failed: AtomicBool::new(false),
            synced: watch::Sender::new(Synced { next: next_ordinal, failed: false }),
            segments: Mutex::new(segments),
            prepared: Mutex::new(None),
            is_asking: AtomicBool::new(false),
        }
    }

    /// The next ordinal to be written; every one below can be read back after a crash of this process.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// By the lane's thread alone: a record of `bytes` was written, `tail_bytes` are left in the segment.
    pub(super) fn publish(&self, next_ordinal: u64, bytes: u64, tail_bytes: u64) {
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

    /// How far the lane is on disk.
    #[must_use]
    pub fn synced(&self) -> Synced {
        *self.synced.borrow()
    }

    /// Follows [`Lane::synced`].
    #[must_use]
    pub fn watch_synced(&self) -> watch::Receiver<Synced> {
        self.synced.subscribe()
    }

    /// Whether a sync failed. Never turns back: what the kernel dropped then cannot be known.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// By the sync thread alone: brings everything that is published now to disk. Returns whether there was anything.
    ///
    /// # Errors
    /// What the system says. The lane has then failed for good.
    pub(super) fn sync(&self) -> io::Result<bool> {
        let next = self.published();
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
        // All but the last were closed when the list was taken: nothing was written to them since.
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

    /// By the lane's thread alone: records go to this segment from now on.
    pub(super) fn push_segment(&self, segment: Segment) {
        self.lock_segments().push(segment);
    }

    /// The segment whose place this ordinal has, and the one after it.
    #[must_use]
    pub fn segments_around(&self, ordinal: u64) -> (Option<Segment>, Option<Segment>) {
        let segments = self.lock_segments();
        let after = segments.partition_point(|segment| segment.first_ordinal <= ordinal);
        (after.checked_sub(1).map(|before| segments[before].clone()), segments.get(after).cloned())
    }

    /// Whether [`Lane::delete_below`] would delete something.
    #[must_use]
    pub fn has_segment_below(&self, ordinal: u64) -> bool {
        self.n_below(&self.lock_segments(), ordinal) > 0
    }

    /// Deletes the segments that hold only ordinals below this one; never the one being written. The file of one of them
    /// becomes the next segment's, also where a new one is prepared: that one has no pages in memory yet.
    ///
    /// # Errors
    /// What the system says; what was deleted before stays deleted.
    pub fn delete_below(&self, ordinal: u64, budget: &Budget) -> io::Result<()> {
        loop {
            let Some(segment) = ({
                let mut segments = self.lock_segments();
                (self.n_below(&segments, ordinal) > 0).then(|| segments.remove(0))
            }) else {
                return Ok(());
            };
            if self.recycle(&segment, budget) {
                continue;
            }
            match std::fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.lock_segments().insert(0, segment);
                    return Err(error);
                }
                _ => budget.release(segment.bytes),
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
                tracing::warn!(lane = self.id, %error, "a segment cannot be recycled");
                return false;
            }
        };
        if let Some(new) = prepared.replace(recycled) {
            match std::fs::remove_file(&new.path) {
                Ok(()) => budget.release(new.bytes),
                Err(error) => tracing::warn!(lane = self.id, %error, "a prepared file cannot be removed"),
            }
        }
        true
    }

    fn n_below(&self, segments: &[Segment], ordinal: u64) -> usize {
        let closed = segments.windows(2).take_while(|pair| pair[1].first_ordinal <= ordinal).count();
        let is_last_done = !self.is_written && closed + 1 == segments.len() && self.published() <= ordinal;
        closed + usize::from(is_last_done)
    }

    /// By the lane's thread alone: it will need a segment.
    pub(super) fn ask(&self) {
        self.is_asking.store(true, Ordering::Relaxed);
    }

    /// Has the next segment prepared, unless it is, or was needed and made before this came to it. Whoever needs it meanwhile
    /// waits for it, rather than paying for another.
    pub(super) fn prepare<E>(&self, make: impl FnOnce() -> Result<Prepared, E>) -> Result<(), E> {
        let mut prepared = self.lock_prepared();
        if prepared.is_none() && self.is_asking.load(Ordering::Relaxed) {
            *prepared = Some(make()?);
        }
        Ok(())
    }

    /// The prepared segment, or one that is made now.
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
