//! Measures the time from "accepted" to "visible". Under a paced background load, pixels with known
//! ids are sent, and ClickHouse is asked repeatedly whether a plain `SELECT` from `prospects` shows
//! them. One query asks for all pending pixels, over the newest rows only, so that the queries are
//! not a load of their own.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use serde::Serialize;
use sluice_runtime::clock::Clock;
use uuid::Uuid;

use crate::load::{Connection, LoadPlan};
use crate::pipeline::Pipeline;
use crate::pixel::on_thread;
use crate::requests::PixelRequests;

/// The pause between two queries. Together with the time of a query, it is the resolution of the
/// measurement.
const POLL: Duration = Duration::from_millis(10);
/// The mean pause between two probes. The actual pauses vary, so that they do not follow the rhythm
/// of the batches.
const PROBE_EVERY_MS: u64 = 60;
const PROBE_PATIENCE: Duration = Duration::from_secs(30);
/// The number of the first probe, larger than all other numbers.
const FIRST_PROBE: u64 = 9_000_000_000;

/// The load and its duration.
#[derive(Debug, Clone, Copy)]
pub struct LatencyPlan {
    pub background_per_s: f64,
    pub time: Duration,
}

/// The results. Times are in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct LatencyResult {
    pub background_per_s: f64,
    pub probes: u64,
    pub p50_ms: u64,
    pub p95_ms: u64,
    pub p99_ms: u64,
    pub max_ms: u64,
}

/// Measures on a running pipeline.
///
/// # Errors
/// When a pixel is rejected, or does not become visible within half a minute.
pub async fn measure(pipeline: &Pipeline<'_>, plan: LatencyPlan) -> anyhow::Result<LatencyResult> {
    let load = LoadPlan {
        per_s: Some(plan.background_per_s),
        time: plan.time,
        ..LoadPlan::new(pipeline.edge.proxied)
    };
    let probes = Probes::new(pipeline)?.run(Instant::now() + plan.time);
    let (report, times) = tokio::join!(on_thread(load), probes);
    let (report, times) = (report?, times?);
    anyhow::ensure!(report.refused == 0, "{} pixels were rejected", report.refused);
    let mut histogram = Histogram::<u64>::new(3)?;
    for time in times {
        histogram.record(time.as_millis() as u64)?;
    }
    Ok(LatencyResult {
        background_per_s: report.per_s(),
        probes: histogram.len(),
        p50_ms: histogram.value_at_quantile(0.50),
        p95_ms: histogram.value_at_quantile(0.95),
        p99_ms: histogram.value_at_quantile(0.99),
        max_ms: histogram.max(),
    })
}

/// A pixel that was acknowledged and is not visible yet.
struct Probe {
    id: Uuid,
    sent_ms: u64,
    accepted: Instant,
}

struct Probes<'a> {
    pipeline: &'a Pipeline<'a>,
    connection: Connection,
    requests: PixelRequests,
    under_way: Vec<Probe>,
    n_sent: u64,
}

impl<'a> Probes<'a> {
    fn new(pipeline: &'a Pipeline<'a>) -> anyhow::Result<Self> {
        let connection = Connection::open(pipeline.edge.proxied).context("cannot connect the probes")?;
        Ok(Self { pipeline, connection, requests: PixelRequests::new(2), under_way: Vec::new(), n_sent: 0 })
    }

    /// Sends probes until a time, and waits for the last ones. Returns the time that each of them
    /// took.
    async fn run(mut self, until: Instant) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        let mut next = Instant::now();
        loop {
            let now = Instant::now();
            if now >= until && self.under_way.is_empty() {
                return Ok(times);
            }
            if now >= next && now < until {
                self.send()?;
                // From half to one and a half times the mean, chosen by the random bits of the id.
                let share = Uuid::new_v4().as_u128() as u64 % PROBE_EVERY_MS;
                next = now + Duration::from_millis(PROBE_EVERY_MS / 2 + share);
            }
            self.look(&mut times).await?;
            tokio::time::sleep(POLL).await;
        }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let (id, sent_ms) = (Uuid::now_v7(), Clock::default().now_ms());
        let number = FIRST_PROBE + self.n_sent;
        self.n_sent += 1;
        self.connection.send(self.requests.with_id(number, id))?;
        // Blocks this thread for some microseconds, because the answer comes from memory.
        let answer = self.connection.receive().context("the connection of the probes broke")?;
        anyhow::ensure!(answer.accepted, "a probe was rejected");
        self.under_way.push(Probe { id, sent_ms, accepted: Instant::now() });
        Ok(())
    }

    /// Asks for the pending probes and records those that are visible.
    async fn look(&mut self, times: &mut Vec<Duration>) -> anyhow::Result<()> {
        let Some(oldest) = self.under_way.first() else { return Ok(()) };
        anyhow::ensure!(oldest.accepted.elapsed() < PROBE_PATIENCE, "an accepted probe is not visible");
        let ids: Vec<String> = self.under_way.iter().map(|probe| format!("'{}'", probe.id)).collect();
        let sql = format!(
            "SELECT prospect_id FROM prospects WHERE time >= fromUnixTimestamp64Milli({}) AND prospect_id IN ({})",
            oldest.sent_ms - 1000,
            ids.join(",")
        );
        let visible = self.pipeline.testbed.clickhouse.query(&sql).await?;
        let visible: Vec<Uuid> = visible.lines().filter_map(|line| line.parse().ok()).collect();
        let now = Instant::now();
        self.under_way.retain(|probe| {
            let is_visible = visible.contains(&probe.id);
            if is_visible {
                times.push(now - probe.accepted);
            }
            !is_visible
        });
        Ok(())
    }
}
