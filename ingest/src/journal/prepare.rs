//! Prepares the files of future segments before a lane needs them. They are newly allocated, or
//! recycled from a delivered segment, as PostgreSQL does with its WAL. The blocks of a recycled
//! file are allocated and written, and its pages are still in memory. Writing to it costs a lane a
//! fraction of the time for page faults, and a sync changes no metadata.
//!
//! Invariant: a prepared file has a temporary name and no header on disk. So under its new name it
//! can never be mistaken for its old segment, whatever a power failure leaves.
//!
//! A file is recycled in these steps. Each is followed by the state that an edge finds at its next
//! start if it is killed there.
//!
//! 1. The cursor beyond the segment is on disk: the segment is there, delivered.
//! 2. The file is renamed to a temporary name, and the directory is synced: the file is removed at
//!    the start, like every prepared file. Before the sync, a power failure may restore the old
//!    name and the old bytes.
//! 3. The header is zeroed, and the file is synced: as before.
//! 4. The thread of the lane writes the new header and renames the file (`writer.rs`). Both are
//!    synced before the first record counts as synced. Before that, a power failure may leave the
//!    name without the header: a segment without records.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use nix::fcntl::posix_fallocate;
use nix::sys::statfs::{EXT4_SUPER_MAGIC, FsType, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs};
use uuid::Uuid;

use super::lane::{Lane, Segment};
use super::{AppendError, Shared, record, segment};

/// File systems that write to the existing blocks of a file. Others (Btrfs, ZFS) allocate new
/// blocks, for which there may be no space. There a segment is always a new file.
const IN_PLACE: [FsType; 3] = [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC];

/// A file with its blocks allocated on disk that is not part of the journal yet.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// The pages of the file are in memory already.
    pub(super) is_recycled: bool,
}

impl Prepared {
    /// Allocates a file, all zero, so that later writes cannot run out of disk space.
    ///
    /// # Errors
    /// `StorageFull` or `QuotaExceeded` if the disk is full. Nothing is left behind.
    fn create(lane_dir: &Path, bytes: u64) -> io::Result<Self> {
        let path = new_path(lane_dir);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Self { file, path, bytes, is_recycled: false }.or_removed(Self::allocate)
    }

    /// Takes the file of a delivered segment.
    ///
    /// # Errors
    /// When the file does not have the size of the segment, or a step fails. The segment is then
    /// unchanged or gone.
    pub(super) fn recycle(segment: &Segment, lane_dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&segment.path)?;
        if file.metadata()?.len() != segment.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the size of the file has changed"));
        }
        let path = new_path(lane_dir);
        std::fs::rename(&segment.path, &path)?;
        Self { file, path, bytes: segment.bytes, is_recycled: true }.or_removed(|prepared| {
            segment::sync_dir(lane_dir)?;
            prepared.file.write_all_at(&[0; segment::HEADER_BYTES + record::END_BYTES], 0)?;
            // This costs nothing unless the file was restored from a copy with holes.
            prepared.allocate()
        })
    }

    fn allocate(&self) -> io::Result<()> {
        posix_fallocate(&self.file, 0, self.bytes as i64)?;
        self.file.sync_all()
    }

    fn or_removed(self, finish: impl FnOnce(&Self) -> io::Result<()>) -> io::Result<Self> {
        match finish(&self) {
            Ok(()) => Ok(self),
            Err(error) => {
                std::fs::remove_file(&self.path)?;
                Err(error)
            }
        }
    }
}

fn new_path(lane_dir: &Path) -> PathBuf {
    lane_dir.join(format!("{}.{}", Uuid::new_v4().simple(), segment::PREPARED_SUFFIX))
}

/// Returns whether overwriting a file in this directory needs no more space on the disk.
pub(super) fn can_recycle(dir: &Path) -> io::Result<bool> {
    Ok(IN_PLACE.contains(&statfs(dir)?.filesystem_type()))
}

impl Shared {
    /// Reserves the bytes of a segment and allocates it.
    pub(super) fn prepare(&self, lane: &Lane) -> Result<Prepared, AppendError> {
        if !self.budget.reserve(self.segment_bytes) {
            return Err(AppendError::Full);
        }
        Prepared::create(&lane.dir, self.segment_bytes).map_err(|error| {
            self.budget.release(self.segment_bytes);
            tracing::error!(%error, "a segment cannot be allocated");
            match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::Full,
                _ => AppendError::Failed,
            }
        })
    }
}

/// Prepares a segment for each lane that asks, until every sender is gone.
pub(super) fn run(shared: &Shared, lanes: &[Arc<Lane>], wanted: &Receiver<u32>) {
    while let Ok(id) = wanted.recv() {
        if shared.is_stopping.load(Ordering::Acquire) {
            return;
        }
        let Some(lane) = lanes.iter().find(|lane| lane.id == id) else { continue };
        let _entered = lane.span.enter();
        // A failure is not kept. The lane tries again when it needs the segment, and a failure then
        // decides the outcome of that event.
        if let Err(error) = lane.prepare(|| shared.prepare(lane)) {
            tracing::warn!(%error, "no segment could be prepared");
        }
    }
}
