//! The journal: the batch buffer, the spool for an outage and the recovery log in one. Nothing else in the edge buffers
//! events.
//!
//! # On disk
//!
//! ```text
//! DIR/                          locked (flock) by the edge that uses it
//!   edge-id                     a random UUID, made with the journal: a wiped journal is a new edge
//!   lane-0/                     one per serving thread
//!     cursor                    two slots: the ordinal Kafka has not yet acknowledged (cursor.rs)
//!     00000000000000000001.seg  segments, named by their first ordinal; ordinals begin at 1
//!     *.tmp                     prepared ahead (prepare.rs), without a header, removed at a start
//! ```
//!
//! A segment has a fixed size, allocated on disk before it is used. Its file is new and all zero, or recycled: that of a
//! segment which Kafka has, with old bytes behind what was written anew. Numbers are little-endian.
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
//! A record's ordinal is not stored: it is the segment's first ordinal plus the number of records before it. Bytes count as a
//! record only if their checksum is right for the ordinal that comes next. So a record that was left there by an earlier
//! segment is none: its ordinal is smaller, and a CRC tells two ordinals apart for certain while they differ in 32
//! neighbouring bits at most.
//!
//! # Invariants
//!
//! - Behind the last record 8 zeros are written before its header is, and the header after the payload, in one store: a
//!   process killed at any instruction leaves a readable journal, in which no old byte is looked at. Its pages belong to the
//!   kernel, so nothing that was answered is lost.
//! - After a power failure any sector may hold what was there before, if it was not synced: zeros or old records, none of
//!   them the next. Reading ends there, before anything that was not synced.
//! - The forwarder reads only *synced* records. So an ordinal that Kafka has once seen is never given to another event
//!   after a power failure, and the consumer may trim repeats by ordinals alone.
//! - A segment is deleted or recycled only when Kafka has acknowledged all of it and a cursor beyond it is on disk.
//! - A file with a segment's name has that segment's header or (after a power failure) none, never that of another.
//! - After a failed sync a lane takes nothing more until the edge is started again.
//!
//! Left out: repair of damaged segments.

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

/// No segment is smaller than this: it must hold the largest record.
pub const MIN_SEGMENT_BYTES: u64 = 256 * 1024;

/// What a journal is opened with.
#[derive(Debug, Clone)]
pub struct Options {
    pub segment_bytes: u64,
    pub max_bytes: u64,
    pub sync_interval: Duration,
    /// Lanes that are written.
    pub n_lanes: u32,
}

/// An open journal with its background threads.
#[derive(Debug)]
pub struct Journal {
    shared: Arc<Shared>,
    lanes: Arc<[Arc<Lane>]>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Holds the lock on the directory.
    locked_dir: File,
}

/// What the journal's threads share.
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
    /// Opens the journal in a directory, recovers what is in it, and starts its threads. Reports the part `journal` of the
    /// readiness. The writers are for one thread each.
    ///
    /// # Errors
    /// When another edge holds the directory, or a file cannot be read, cut, synced or made.
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

    /// The journal's id.
    #[must_use]
    pub fn edge(&self) -> Uuid {
        self.shared.edge
    }

    /// Every lane on disk, those of a larger former thread count included.
    #[must_use]
    pub fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// Disk taken and left.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.shared.budget
    }

    /// Raised when something was synced.
    #[must_use]
    pub fn synced(&self) -> &Arc<Signal> {
        &self.shared.synced
    }

    /// How long a sync of one lane took.
    #[must_use]
    pub fn sync_seconds(&self) -> Histogram {
        self.shared.sync_seconds.clone()
    }

    /// Minutes until the journal is full if nothing is delivered and events come as in the last seconds; at most a million.
    #[must_use]
    pub fn minutes_left(&self) -> f64 {
        let ready_bytes: u64 = self.lanes.iter().map(|lane| lane.ready_bytes()).sum();
        let rate = f64::from_bits(self.shared.bytes_per_second.load(Ordering::Relaxed));
        let left_bytes = (self.shared.budget.free_bytes() + ready_bytes) as f64;
        if rate < 1.0 { 1e6 } else { (left_bytes / rate / 60.0).min(1e6) }
    }

    /// Syncs what is written and ends the threads. Writers should be gone by then: what they write later is kept, but not
    /// synced.
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
        // Said explicitly, since a child that is being started may hold a copy of the descriptor for a moment.
        if let Err(error) = self.locked_dir.unlock() {
            tracing::warn!(%error, "the journal's directory cannot be unlocked");
        }
    }
}

impl Shared {
    /// Asks for the next segment of a lane. After the threads have ended, nobody hears it.
    fn request_prepared(&self, lane: u32) {
        if self.prepare_wanted.send(lane).is_err() {
            tracing::debug!(lane, "no thread prepares segments any more");
        }
    }
}

fn read_or_make_edge_id(dir: &Path) -> io::Result<Uuid> {
    let path = dir.join("edge-id");
    match std::fs::read_to_string(&path) {
        Ok(text) => Uuid::try_parse(text.trim()).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} holds no UUID: {error}", path.display()))
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
        let dir = dir.join(format!("lane-{id}"));
        let lane = recovery::recover_lane(edge, dir, id, id < n_lanes, recycled_bytes)?;
        tracing::info!(lane = id, next_ordinal = lane.published(), "lane recovered");
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
