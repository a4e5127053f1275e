//! The thread that syncs the journal to disk: at the interval, or at once when an order waits. One
//! sync serves all events before it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use super::lane::Lane;

/// The interval of measuring the write rate.
const RATE_INTERVAL: Duration = Duration::from_secs(1);
/// The weight of the newest second in the rate.
const RATE_WEIGHT: f64 = 0.2;

/// Runs until [`Shared::stop`], and then syncs a last time.
pub(super) fn run_sync(shared: &Shared, lanes: &[Arc<Lane>], interval: Duration) {
    let mut rate = Rate::new(lanes);
    loop {
        let is_last = shared.is_stopping.load(Ordering::Acquire);
        for lane in lanes.iter().filter(|lane| lane.is_written) {
            sync_lane(shared, lane);
        }
        if is_last {
            return;
        }
        rate.update(shared, lanes);
        shared.sync_wanted.wait(interval);
    }
}

fn sync_lane(shared: &Shared, lane: &Lane) {
    let _entered = lane.span.enter();
    let started = Instant::now();
    match lane.sync() {
        Ok(true) => {
            shared.sync_seconds.observe(started.elapsed().as_secs_f64());
            shared.synced.raise();
        }
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%error, "the journal cannot be synced; this lane accepts no more events");
            shared.readiness.not_ready("journal", format!("lane {} cannot be synced: {error}", lane.id));
        }
    }
}

/// Written bytes per second, smoothed over some seconds.
struct Rate {
    taken: Instant,
    written_bytes: u64,
    bytes_per_second: f64,
}

impl Rate {
    fn new(lanes: &[Arc<Lane>]) -> Self {
        Self { taken: Instant::now(), written_bytes: written_bytes(lanes), bytes_per_second: 0.0 }
    }

    fn update(&mut self, shared: &Shared, lanes: &[Arc<Lane>]) {
        let elapsed = self.taken.elapsed();
        if elapsed < RATE_INTERVAL {
            return;
        }
        let written_bytes = written_bytes(lanes);
        let newest = (written_bytes - self.written_bytes) as f64 / elapsed.as_secs_f64();
        self.bytes_per_second += RATE_WEIGHT * (newest - self.bytes_per_second);
        self.written_bytes = written_bytes;
        self.taken = Instant::now();
        shared.bytes_per_second.store(self.bytes_per_second.to_bits(), Ordering::Relaxed);
    }
}

fn written_bytes(lanes: &[Arc<Lane>]) -> u64 {
    lanes.iter().map(|lane| lane.written_bytes()).sum()
}
