//! Starts the whole edge (journal, serving threads, forwarder) and stops it in the order that loses
//! nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sluice_runtime::clock::Clock;
use sluice_runtime::descriptors;
use sluice_runtime::ops::Readiness;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Config;
use crate::forwarder::Forwarder;
use crate::journal::{Journal, Options};
use crate::metrics::{self, LaneCounters};
use crate::server::{self, Bound};
use crate::worker::Worker;

/// A running edge.
#[derive(Debug)]
pub struct Edge {
    journal: Arc<Journal>,
    forwarder: Forwarder,
    kafka_patience: Duration,
    threads: Vec<JoinHandle<io::Result<()>>>,
    listen: SocketAddr,
    proxy_listen: Option<SocketAddr>,
}

impl Edge {
    /// Recovers the journal, binds the addresses, and starts to serve and to forward. Kafka may be
    /// down.
    ///
    /// # Errors
    /// When the journal cannot be opened, an address cannot be bound, or librdkafka refuses a
    /// setting.
    pub fn start(
        config: &Config,
        clock: &Clock,
        readiness: &Readiness,
        registry: &mut Registry,
        draining: &CancellationToken,
    ) -> io::Result<Self> {
        descriptors::raise_limit();
        let n_threads = config.n_threads();
        let (mut listeners, listen, proxy_listen) = bind_all(config, n_threads)?;
        let options = Options {
            segment_bytes: config.segment_bytes(),
            max_bytes: config.journal.max_bytes,
            sync_interval: Duration::from_millis(config.journal.sync_interval_ms),
            n_lanes: n_threads as u32,
        };
        let (journal, writers) = Journal::open(&config.journal.dir, &options, readiness)?;
        let forwarder = Forwarder::start(&journal, config.kafka.clone(), clock.clone())?;
        let edge_config = Arc::new(config.edge.clone());
        let max_connections = config.edge.max_connections.div_ceil(n_threads);
        let (mut threads, mut counters) = (Vec::new(), Vec::new());
        for (index, writer) in writers.into_iter().enumerate() {
            let lane_counters = Arc::new(LaneCounters::default());
            counters.push(Arc::clone(&lane_counters));
            let (edge_config, clock, readiness) =
                (Arc::clone(&edge_config), clock.clone(), readiness.clone());
            let (draining, bound) = (draining.clone(), listeners.remove(0));
            let span = writer.lane().span.clone();
            let serve = move || {
                let _entered = span.entered();
                let worker = Worker::new(edge_config, clock, lane_counters, readiness, writer);
                server::run(worker, bound, &draining, max_connections)
            };
            threads.push(std::thread::Builder::new().name(format!("edge-{index}")).spawn(serve)?);
        }
        metrics::register(registry, counters, Arc::clone(&journal), Arc::clone(forwarder.counters()));
        let kafka_patience = Duration::from_millis(config.kafka.drain_ms);
        Ok(Self { journal, forwarder, kafka_patience, threads, listen, proxy_listen })
    }

    /// The public address.
    #[must_use]
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The address of the listener that believes proxies.
    #[must_use]
    pub const fn proxy_listen(&self) -> Option<SocketAddr> {
        self.proxy_listen
    }

    /// The id of the journal, by which the consumer knows this edge.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.journal.edge()
    }

    /// Waits until the drain has ended the serving threads, syncs the journal, and sends the rest
    /// to Kafka within the time that the configuration allows.
    ///
    /// # Errors
    /// When a serving thread failed. All other steps are done nevertheless.
    pub fn finish(self) -> io::Result<()> {
        let mut result = Ok(());
        for thread in self.threads {
            let ended = thread.join().unwrap_or_else(|_| Err(io::Error::other("a serving thread panicked")));
            result = result.and(ended);
        }
        self.journal.stop();
        self.forwarder.stop(self.kafka_patience);
        result
    }
}

type ThreadListeners = Vec<Vec<Bound>>;

/// Binds every address once per thread.
fn bind_all(
    config: &Config,
    n_threads: usize,
) -> io::Result<(ThreadListeners, SocketAddr, Option<SocketAddr>)> {
    let (public, listen) = server::bind(config.edge.listen, n_threads, false)?;
    let mut by_thread: ThreadListeners = public.into_iter().map(|bound| vec![bound]).collect();
    let mut proxy_listen = None;
    if let Some(address) = config.edge.proxy_listen {
        let (behind_proxy, bound) = server::bind(address, n_threads, true)?;
        proxy_listen = Some(bound);
        for (listeners, listener) in by_thread.iter_mut().zip(behind_proxy) {
            listeners.push(listener);
        }
    }
    Ok((by_thread, listen, proxy_listen))
}
