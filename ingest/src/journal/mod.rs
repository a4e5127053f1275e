//! The journal is the batch buffer, the buffer for outages and the recovery log in one. Nothing
//! else in the edge buffers events.
//!
//! # On disk
//!
//! ```text
//! DIR/                          locked (flock) by the edge that uses it
//!   edge-id                     a random UUID, made with the journal: a new journal is a new edge
//!   lane-0/                     one per serving thread
//!     cursor                    the first ordinal that Kafka has not acknowledged (cursor.rs)
//!     00000000000000000001.seg  segments, named by their first ordinal; ordinals begin at 1
//!     *.tmp                     prepared files without a header (prepare.rs), removed at a start
//! ```
//!
//! A segment has a fixed size, which is allocated on disk before the segment is used. The file is
//! either new and all zero, or recycled: the file of a delivered segment, whose old bytes remain
//! behind the new ones. Numbers are little-endian.
//!
//! ```text
//! 0   8  magic "SLUICEJ1"
//! 8   4  version, 1
//! 12  4  lane
//! 16  16 edge id
//! 32  8  ordinal of the first record
//! 40  20 zero
//! 60  4  CRC32C of bytes 0..60
//! 64     records, each beginning at a multiple of 8:
//!        0  4  length of the payload; 0 = no further record, whatever follows
//!        4  4  CRC32C of length (4 bytes), ordinal (8 bytes), payload
//!        8     payload: a Protobuf Event (schemas/proto), then zeros up to a multiple of 8
//! ```
//!
//! The ordinal of a record is not stored: it is the first ordinal of the segment plus the number of
//! records before it. Bytes are a record only if their checksum matches the next ordinal. So a
//! record that is left from an earlier segment is not read: its ordinal is smaller, and a CRC
//! distinguishes two ordinals with certainty if they differ only within 32 neighbouring bits.
//!
//! # Invariants
//!
//! - The payload of a record and the 8 zeros behind it are written before its header, which is one
//!   store. So a process killed at any instruction leaves a readable journal, in which no old byte
//!   is read. The pages belong to the kernel, so no acknowledged event is lost.
//! - After a power failure, a sector that was not synced may have its earlier contents: zeros or
//!   old records. None of them is the next record. Reading ends there, before anything that was not
//!   synced.
//! - The forwarder reads only *synced* records. So an ordinal that Kafka has seen is never given to
//!   another event after a power failure, and the consumer may drop repetitions by their ordinals
//!   alone.
//! - A segment is deleted or recycled only when Kafka has acknowledged all of it and a cursor
//!   beyond it is on disk.
//! - A file with the name of a segment has the header of that segment or (after a power failure)
//!   none, never the header of another segment.
//! - After a failed sync, a lane accepts no more events until the edge restarts.
//!
//! Damaged segments are not repaired.

pub mod budget;
pub mod cursor;
pub mod lane;
mod mapping;
mod prepare;
pub mod reader;
pub mod record;
mod recovery;
pub mod segment;
mod sync;
pub mod writer;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use sluice_runtime::ops::Readiness;
use uuid::Uuid;

use self::budget::Budget;
use self::lane::Lane;
pub use self::writer::{AppendError, LaneWriter};
use crate::signal::Signal;

/// The smallest segment: it must fit the largest record.
pub const MIN_SEGMENT_BYTES: u64 = 256 * 1024;

/// The settings of a journal.
#[derive(Debug, Clone)]
pub struct Options {
    pub segment_bytes: u64,
    pub max_bytes: u64,
    pub sync_interval: Duration,
    /// The number of lanes to write.
    pub n_lanes: u32,
}

/// An open journal with its background threads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    lanes: Arc<[Arc<Lane>]>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Keeps the lock on the directory.
    locked_dir: File,
}

/// The state that the threads of the journal share.
#[derive(Debug)]
pub struct Shared {
    edge: Uuid,
    segment_bytes: u64,
    budget: Budget,
    sync_wanted: Signal,
    synced: Arc<Signal>,
    prepare_wanted: Sender<u32>,
    is_stopping: AtomicBool,
    bytes_per_second: AtomicU64,
    sync_seconds: Histogram,
    readiness: Readiness,
}

impl Journal {
    /// Opens the journal in a directory, recovers its contents, and starts its threads. Reports the
    /// part `journal` of the readiness. Each writer is for one thread.
    ///
    /// # Errors
    /// When another edge has locked the directory, or a file cannot be read, cut, synced or
    /// created.
    pub fn open(
        dir: &Path,
        options: &Options,
        readiness: &Readiness,
    ) -> io::Result<(Arc<Self>, Vec<LaneWriter>)> {
        std::fs::create_dir_all(dir)?;
        let locked = File::open(dir)?;
        locked.try_lock().map_err(|error| {
            io::Error::other(format!("another edge uses {}: {}", dir.display(), io::Error::from(error)))
        })?;
        let edge = read_or_make_edge_id(dir)?;
        let lanes = recover_lanes(dir, edge, options)?;
        let used_bytes = segment_bytes_on_disk(&lanes)?;
        let (prepare_wanted, prepare_requests) = mpsc::channel();
        let shared = Arc::new(Shared {
            edge,
            segment_bytes: options.segment_bytes,
            budget: Budget::new(options.max_bytes, used_bytes),
            sync_wanted: Signal::default(),
            synced: Arc::default(),
            prepare_wanted,
            is_stopping: AtomicBool::new(false),
            bytes_per_second: AtomicU64::new(0),
            sync_seconds: Histogram::new(exponential_buckets(0.000_1, 2.0, 16)),
            readiness: readiness.clone(),
        });
        let sync = {
            let (shared, lanes, interval) = (Arc::clone(&shared), Arc::clone(&lanes), options.sync_interval);
            std::thread::Builder::new()
                .name("journal-sync".into())
                .spawn(move || sync::run_sync(&shared, &lanes, interval))?
        };
        let prepare = {
            let (shared, lanes) = (Arc::clone(&shared), Arc::clone(&lanes));
            std::thread::Builder::new()
                .name("journal-prepare".into())
                .spawn(move || prepare::run(&shared, &lanes, &prepare_requests))?
        };
        let writers = lanes
            .iter()
            .filter(|lane| lane.is_written)
            .map(|lane| LaneWriter::new(Arc::clone(lane), Arc::clone(&shared)))
            .collect();
        readiness.ready("journal");
        let threads = Mutex::new(vec![sync, prepare]);
        Ok((Arc::new(Self { shared, lanes, threads, locked_dir: locked }), writers))
    }

    /// The id of the journal.
    #[must_use]
    pub fn edge(&self) -> Uuid {
        self.shared.edge
    }

    /// Every lane on disk, including those beyond the current thread count.
    #[must_use]
    pub fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// The disk budget.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Raised when something was synced.
    #[must_use]
    pub fn synced(&self) -> &Arc<Signal> {
        &self.shared.synced
    }

    /// The durations of syncs of one lane.
    #[must_use]
    pub fn sync_seconds(&self) -> Histogram {
        self.shared.sync_seconds.clone()
    }

    /// Minutes until the journal is full if nothing is delivered and events arrive as in the last
    /// seconds; at most a million, and 0 for as long as a lane refuses events. A full journal
    /// writes nothing, so its rate would promise all the time in the world.
    #[must_use]
    pub fn minutes_left(&self) -> f64 {
        if self.lanes.iter().any(|lane| lane.is_written && lane.refuses()) {
            return 0.0;
        }
        let ready_bytes: u64 = self.lanes.iter().map(|lane| lane.ready_bytes()).sum();
        let rate = f64::from_bits(self.shared.bytes_per_second.load(Ordering::Relaxed));
        let left_bytes = (self.shared.budget.free_bytes() + ready_bytes) as f64;
        if rate < 1.0 { 1e6 } else { (left_bytes / rate / 60.0).min(1e6) }
    }

    /// Syncs all written events and ends the threads. The writers should have ended before: what
    /// they write later is kept but not synced.
    pub fn stop(&self) {
        self.shared.is_stopping.store(true, Ordering::Release);
        self.shared.sync_wanted.raise();
        self.shared.request_prepared(u32::MAX);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the journal panicked");
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.stop();
        // The unlock is explicit because a child process that is being started may have a copy of
        // the descriptor for a moment.
        if let Err(error) = self.locked_dir.unlock() {
            tracing::warn!(%error, "the journal's directory cannot be unlocked");
        }
    }
}

impl Shared {
    /// Requests the next segment of a lane. Has no effect after the threads have ended.
    fn request_prepared(&self, lane: u32) {
        if self.prepare_wanted.send(lane).is_err() {
            tracing::debug!(lane, "the preparing thread has ended");
        }
    }
}

fn read_or_make_edge_id(dir: &Path) -> io::Result<Uuid> {
    let path = dir.join("edge-id");
    match std::fs::read_to_string(&path) {
        Ok(text) => Uuid::try_parse(text.trim()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a UUID: {error}", path.display()))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let edge = Uuid::new_v4();
            let made = dir.join("edge-id.tmp");
            std::fs::write(&made, format!("{edge}\n"))?;
            File::open(&made)?.sync_all()?;
            std::fs::rename(&made, &path)?;
            segment::sync_dir(dir)?;
            Ok(edge)
        }
        Err(error) => Err(error),
    }
}

fn recover_lanes(dir: &Path, edge: Uuid, options: &Options) -> io::Result<Arc<[Arc<Lane>]>> {
    let n_lanes = options.n_lanes;
    let recycled_bytes = prepare::can_recycle(dir)?.then_some(options.segment_bytes);
    let mut ids: Vec<u32> = (0..n_lanes).collect();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix("lane-"));
        let id = id.and_then(|id| id.parse::<u32>().ok());
        ids.extend(id.filter(|id| *id >= n_lanes));
    }
    let recover = |id: u32| {
        let _entered = lane::span(id).entered();
        let dir = dir.join(format!("lane-{id}"));
        let lane = recovery::recover_lane(edge, dir, id, id < n_lanes, recycled_bytes)?;
        tracing::info!(next_ordinal = lane.published(), "lane recovered");
        Ok(Arc::new(lane))
    };
    let lanes = ids.into_iter().map(recover).collect::<io::Result<Vec<_>>>()?;
    segment::sync_dir(dir)?;
    Ok(lanes.into())
}

fn segment_bytes_on_disk(lanes: &[Arc<Lane>]) -> io::Result<u64> {
    let mut sum = 0;
    for lane in lanes {
        for (_, path) in segment::list(&lane.dir)? {
            sum += path.metadata()?.len();
        }
    }
    Ok(sum)
}
