//! Files that are to become segments, made ready before a lane needs them: allocated, or recycled from a segment that Kafka
//! has, as PostgreSQL does with its WAL. A recycled file's blocks are allocated and written, and its pages are still in
//! memory: writing into it costs a lane a fraction of the page faults' time, and a sync changes no metadata.
//!
//! Invariant: a prepared file has a temporary name and on disk no header, so that with the name that it gets it can never
//! be taken for the segment that it was, whatever a power failure leaves of the writing.
//!
//! A recycled file goes through these steps; killed between any two, the edge finds at its next start what is said here.
//!
//! 1. The cursor beyond the segment is on disk: the segment is there, delivered.
//! 2. Renamed to a temporary name, the directory synced: removed at a start, like every prepared file. Before the sync a
//!    power failure may bring the old name back, and the old bytes with it.
//! 3. The header zeroed, the file synced: the same.
//! 4. The new header written and the file renamed by the lane's thread (`writer.rs`), both synced before the first record
//!    counts as synced. Before that a power failure may leave the name without the header: a segment without records.

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

/// File systems that write again to the blocks that a file has. Others (Btrfs, ZFS) take new ones, for which there may be no
/// room: there a segment is allocated anew.
const IN_PLACE: [FsType; 3] = [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC];

/// A file with its blocks allocated on disk, not yet part of the journal.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) file: File,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// Its pages are in memory already.
    pub(super) is_recycled: bool,
}

impl Prepared {
    /// Allocates a file, all zero, so that writing into it later cannot run out of disk.
    ///
    /// # Errors
    /// `StorageFull` or `QuotaExceeded` when the disk is full, else what the system says. Nothing is left behind.
    fn create(lane_dir: &Path, bytes: u64) -> io::Result<Self> {
        let path = new_path(lane_dir);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Self { file, path, bytes, is_recycled: false }.or_removed(Self::allocate)
    }

    /// Takes the file of a segment that nobody needs any more.
    ///
    /// # Errors
    /// When the file has not the segment's size, or what the system says. The segment is then as it was, or gone.
    pub(super) fn recycle(segment: &Segment, lane_dir: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&segment.path)?;
        if file.metadata()?.len() != segment.bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its size is not what it was"));
        }
        let path = new_path(lane_dir);
        std::fs::rename(&segment.path, &path)?;
        Self { file, path, bytes: segment.bytes, is_recycled: true }.or_removed(|prepared| {
            segment::sync_dir(lane_dir)?;
            prepared.file.write_all_at(&[0; segment::HEADER_BYTES + record::END_BYTES], 0)?;
            // Costs nothing, but where the file was restored from a copy with holes.
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

/// Whether writing over a file's bytes in this directory needs no room on the disk.
///
/// # Errors
/// What the system says.
pub(super) fn can_recycle(dir: &Path) -> io::Result<bool> {
    Ok(IN_PLACE.contains(&statfs(dir)?.filesystem_type()))
}

impl Shared {
    /// Pays for a segment and allocates it.
    pub(super) fn prepare(&self, lane: &Lane) -> Result<Prepared, AppendError> {
        if !self.budget.reserve(self.segment_bytes) {
            return Err(AppendError::Full);
        }
        Prepared::create(&lane.dir, self.segment_bytes).map_err(|error| {
            self.budget.release(self.segment_bytes);
            tracing::error!(lane = lane.id, %error, "a segment cannot be allocated");
            match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AppendError::Full,
                _ => AppendError::Failed,
            }
        })
    }
}

/// Prepares a segment for each lane that asks, until every asker is gone.
pub(super) fn run(shared: &Shared, lanes: &[Arc<Lane>], wanted: &Receiver<u32>) {
    while let Ok(id) = wanted.recv() {
        if shared.is_stopping.load(Ordering::Acquire) {
            return;
        }
        let Some(lane) = lanes.iter().find(|lane| lane.id == id) else { continue };
        // A failure is not kept: the lane tries again itself when it needs the segment, and then it is an outcome.
        if let Err(error) = lane.prepare(|| shared.prepare(lane)) {
            tracing::warn!(lane = id, %error, "no segment could be prepared");
        }
    }
}
