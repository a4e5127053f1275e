//! The forwarder: one thread that packs the synced records of every lane into chunks, sends them to
//! Kafka in order, moves the durable cursors after delivery, and has delivered segments recycled.
//!
//! Invariants:
//!
//! - The chunks of a lane are sent in the order of their ordinals, to one partition (the key is the
//!   lane).
//! - At most `max_in_flight_bytes` are in flight.
//! - After any error the producer is created again, and every lane goes back to the first event
//!   that Kafka has not acknowledged. The consumer drops the events that it then receives twice.
//! - The forwarder never blocks the serving threads.

pub mod chunk;
pub mod in_flight;
pub mod lane;
pub mod producer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use sluice_runtime::clock::Clock;

use self::lane::{ForwardedLane, Outbox};
use self::producer::{Producer, Report};
use crate::config::KafkaConfig;
use crate::journal::Journal;
use crate::signal::Signal;

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The interval between checks of the cursors when nothing happens.
const IDLE: Duration = Duration::from_secs(1);
/// The interval between polls for delivery reports while chunks are in flight.
const REPORT_INTERVAL: Duration = Duration::from_millis(25);
/// The shortest interval between two writes of a cursor.
const CURSOR_INTERVAL: Duration = Duration::from_millis(100);

/// The counters of the forwarder.
#[derive(Debug)]
pub struct ForwarderCounters {
    chunks: AtomicU64,
    events: AtomicU64,
    errors: AtomicU64,
    damaged: AtomicU64,
    acknowledged: Vec<AtomicU64>,
    oldest_time_ms: AtomicU64,
    clock: Clock,
}

impl ForwarderCounters {
    /// The number of chunks that Kafka acknowledged.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks.load(Ordering::Relaxed)
    }

    /// The number of events that Kafka acknowledged.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// The number of times that the producer was created again after an error.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// The number of places in the journal that could not be read.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Ordering::Relaxed)
    }

    /// The number of events that were written and are not acknowledged.
    #[must_use]
    pub fn waiting(&self, journal: &Journal) -> u64 {
        let acknowledged = self.acknowledged.iter().map(|next| next.load(Ordering::Relaxed));
        let lanes = journal.lanes().iter().map(|lane| lane.published());
        lanes.zip(acknowledged).map(|(published, next)| published.saturating_sub(next)).sum()
    }

    /// The age of the oldest event that is not acknowledged; 0 if all are.
    #[must_use]
    pub fn oldest_age_seconds(&self) -> f64 {
        match self.oldest_time_ms.load(Ordering::Relaxed) {
            0 => 0.0,
            time_ms => self.clock.now_ms().saturating_sub(time_ms) as f64 / 1000.0,
        }
    }
}

/// A running forwarder.
#[derive(Debug)]
pub struct Forwarder {
    journal: Arc<Journal>,
    counters: Arc<ForwarderCounters>,
    is_stopping: Arc<AtomicBool>,
    wake: Arc<Signal>,
    thread: JoinHandle<()>,
}

impl Forwarder {
    /// Starts at the cursors. Kafka may be down.
    ///
    /// # Errors
    /// When a cursor cannot be opened, librdkafka refuses a setting, or no thread can be started.
    pub fn start(journal: &Arc<Journal>, config: KafkaConfig, clock: Clock) -> io::Result<Self> {
        let lanes =
            journal.lanes().iter().map(ForwardedLane::open).collect::<io::Result<Vec<ForwardedLane>>>()?;
        let counters = Arc::new(ForwarderCounters {
            chunks: AtomicU64::new(0),
            events: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            acknowledged: lanes.iter().map(|lane| AtomicU64::new(lane.acknowledged())).collect(),
            oldest_time_ms: AtomicU64::new(0),
            clock,
        });
        let is_stopping = Arc::new(AtomicBool::new(false));
        let wake = Arc::clone(journal.synced());
        let (reports_in, reports) = mpsc::channel();
        let producer = Producer::create(&config, reports_in.clone()).map_err(io::Error::other)?;
        let forwarder = ForwarderThread {
            journal: Arc::clone(journal),
            config,
            counters: Arc::clone(&counters),
            is_stopping: Arc::clone(&is_stopping),
            lanes,
            producer: Some(producer),
            generation: 0,
            reports,
            reports_in,
            pause: FIRST_PAUSE,
            paused_until: None,
            cursors_stored: Instant::now(),
        };
        let thread = std::thread::Builder::new().name("forwarder".into()).spawn(move || forwarder.run())?;
        Ok(Self { journal: Arc::clone(journal), counters, is_stopping, wake, thread })
    }

    /// The counters of the forwarder.
    #[must_use]
    pub fn counters(&self) -> &Arc<ForwarderCounters> {
        &self.counters
    }

    /// Sends synced events to Kafka for at most `patience`, then ends. The rest stays in the
    /// journal.
    pub fn stop(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < deadline {
            if self.is_done() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.is_stopping.store(true, Ordering::Release);
        self.wake.raise();
        if self.thread.join().is_err() {
            tracing::error!("the forwarder panicked; undelivered events stay in the journal");
        }
    }

    fn is_done(&self) -> bool {
        self.counters.waiting(&self.journal) == 0
    }
}

struct ForwarderThread {
    journal: Arc<Journal>,
    config: KafkaConfig,
    counters: Arc<ForwarderCounters>,
    is_stopping: Arc<AtomicBool>,
    lanes: Vec<ForwardedLane>,
    producer: Option<Producer>,
    generation: u64,
    reports: Receiver<Report>,
    reports_in: Sender<Report>,
    pause: Duration,
    paused_until: Option<Instant>,
    cursors_stored: Instant,
}

impl ForwarderThread {
    fn run(mut self) {
        while !self.is_stopping.load(Ordering::Acquire) {
            if let Err(error) = self.take_reports().and_then(|()| self.send()) {
                self.start_anew(&error);
            }
            self.store_cursors(CURSOR_INTERVAL);
            self.count();
            self.journal.synced().wait(self.patience());
        }
        self.store_cursors(Duration::ZERO);
    }

    fn take_reports(&mut self) -> Result<(), KafkaError> {
        if let Some(producer) = &self.producer {
            producer.poll();
        }
        while let Ok(Report { ticket, result }) = self.reports.try_recv() {
            if ticket.generation != self.generation {
                continue;
            }
            result?;
            self.pause = FIRST_PAUSE;
            for chunk in self.lanes[ticket.lane_index].delivered(ticket.first_ordinal) {
                self.counters.chunks.fetch_add(1, Ordering::Relaxed);
                self.counters.events.fetch_add(chunk.next_ordinal - chunk.first_ordinal, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), KafkaError> {
        let Some(producer) = self.usable_producer()? else { return Ok(()) };
        let in_flight_bytes: usize = self.lanes.iter().map(ForwardedLane::in_flight_bytes).sum();
        let mut outbox = Outbox {
            producer: &producer,
            edge: self.journal.edge(),
            generation: self.generation,
            config: &self.config,
            free_bytes: self.config.max_in_flight_bytes.saturating_sub(in_flight_bytes),
        };
        let sent = self.lanes.iter_mut().enumerate().try_for_each(|(index, lane)| {
            let _entered = lane.span().entered();
            lane.send(index, &mut outbox)
        });
        self.producer = Some(producer);
        sent
    }

    /// Returns the producer. After an error it is created again when the pause is over.
    fn usable_producer(&mut self) -> Result<Option<Producer>, KafkaError> {
        if let Some(producer) = self.producer.take() {
            return Ok(Some(producer));
        }
        if self.paused_until.is_some_and(|until| Instant::now() < until) {
            return Ok(None);
        }
        Producer::create(&self.config, self.reports_in.clone()).map(Some)
    }

    fn start_anew(&mut self, error: &KafkaError) {
        tracing::warn!(%error, pause_ms = self.pause.as_millis(), "Kafka refused a chunk; the producer is created again");
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        self.producer = None;
        self.generation += 1;
        for lane in &mut self.lanes {
            lane.rewind();
        }
        self.paused_until = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn store_cursors(&mut self, interval: Duration) {
        if self.cursors_stored.elapsed() < interval {
            return;
        }
        self.cursors_stored = Instant::now();
        for lane in &mut self.lanes {
            let _entered = lane.span().entered();
            if let Err(error) = lane.store_cursor(self.journal.budget()) {
                tracing::error!(%error, "a cursor cannot be written, or a delivered segment cannot be deleted");
            }
        }
    }

    fn count(&self) {
        for (lane, counter) in self.lanes.iter().zip(&self.counters.acknowledged) {
            counter.store(lane.acknowledged(), Ordering::Relaxed);
        }
        let damaged = self.lanes.iter().map(ForwardedLane::n_damaged).sum();
        self.counters.damaged.store(damaged, Ordering::Relaxed);
        let oldest = self.lanes.iter().filter_map(ForwardedLane::oldest_time_ms).min();
        self.counters.oldest_time_ms.store(oldest.unwrap_or(0), Ordering::Release);
    }

    fn patience(&self) -> Duration {
        let linger = Duration::from_millis(self.config.linger_ms);
        let chunks = self.lanes.iter().filter_map(|lane| lane.patience(linger));
        let cursors = self.lanes.iter().any(ForwardedLane::is_cursor_behind).then_some(CURSOR_INTERVAL);
        let restart = self.paused_until.map(|until| until.saturating_duration_since(Instant::now()));
        let restart = restart.filter(|_| self.producer.is_none());
        let is_waiting = self.lanes.iter().any(|lane| lane.in_flight_bytes() > 0);
        let reports = is_waiting.then_some(REPORT_INTERVAL);
        chunks
            .chain(cursors)
            .chain(restart)
            .chain(reports)
            .min()
            .unwrap_or(IDLE)
            .max(Duration::from_millis(1))
            .min(IDLE)
    }
}
