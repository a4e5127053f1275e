//! Measures events per second from the client to "visible in ClickHouse": N numbered pixels through
//! a real edge, Kafka, consumer and ClickHouse. The rate is N divided by the time until `count()`
//! is N. It counts only if every acknowledged number is stored once and the roll-up has the same
//! sum. Also measures the CPU time of each process per event, and the memory of ingest and
//! consumer.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::child::Child;
use crate::load::LoadPlan;
use crate::pixel::on_thread;
use crate::proc::{Memory, cpu_time, memory};
use crate::testbed::{Edge, PrivateServers, Testbed};

const VISIBLE_PATIENCE: Duration = Duration::from_secs(120);
const MEMORY_EVERY: Duration = Duration::from_millis(500);
const SERVING_THREADS: usize = 2;

/// The number of events and their rate.
#[derive(Debug, Clone, Copy)]
pub struct PipelinePlan {
    pub events: u64,
    /// Events per second; as fast as possible if absent.
    pub per_s: Option<f64>,
}

/// The whole pipeline, started and warm.
pub struct Pipeline<'a> {
    pub testbed: Testbed,
    pub edge: Edge,
    pub consumer: Child,
    servers: &'a PrivateServers,
    n_sent: u64,
}

/// The memory of a process during a run, in MiB.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryResult {
    /// The peak of resident memory, including the mapped journal.
    pub peak_mib: f64,
    pub anonymous_peak_mib: f64,
    /// The average resident memory in each quarter of the run. Similar values mean no growth.
    pub quarters_mib: Vec<f64>,
}

/// CPU microseconds per event of each process.
#[derive(Debug, Clone, Serialize)]
pub struct CpuResult {
    pub client: f64,
    pub ingest: f64,
    pub kafka: f64,
    pub consumer: f64,
    pub clickhouse: f64,
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct PipelineResult {
    pub events: u64,
    /// The requested rate per second.
    pub wanted_per_s: Option<f64>,
    /// The acknowledged rate per second.
    pub accepted_per_s: f64,
    /// N divided by the time until all events were visible.
    pub visible_per_s: f64,
    /// The time from the last answer until all events were visible.
    pub lag_s: f64,
    pub durability: &'static str,
    /// Whether every acknowledged number is stored once and the roll-up agrees.
    pub exact: bool,
    pub cpu_us: CpuResult,
    pub ingest_memory: MemoryResult,
    pub consumer_memory: MemoryResult,
}

impl<'a> Pipeline<'a> {
    /// Starts an edge and a consumer on a new topic and database, and sends a few thousand events
    /// through them.
    pub async fn start(servers: &'a PrivateServers, name: &str) -> anyhow::Result<Self> {
        let testbed = servers.testbed(name, 2).await?;
        let (edge, consumer) = tokio::try_join!(testbed.edge(SERVING_THREADS), testbed.consumer(&[]))?;
        let mut pipeline = Self { testbed, edge, consumer, servers, n_sent: 0 };
        let warm_up = PipelinePlan { events: 20_000, per_s: Some(10_000.0) };
        pipeline.measure(warm_up).await?;
        Ok(pipeline)
    }

    /// Sends the events and waits until they are visible.
    ///
    /// # Errors
    /// When a pixel is rejected, or the events do not arrive within two minutes.
    pub async fn measure(&mut self, plan: PipelinePlan) -> anyhow::Result<PipelineResult> {
        let cpu_before = self.cpu()?;
        let load = LoadPlan {
            count: plan.events,
            per_s: plan.per_s,
            first: self.n_sent,
            ..LoadPlan::new(self.edge.proxied)
        };
        let begin = Instant::now();
        let mut series = [Vec::new(), Vec::new()];
        let report = {
            let mut run = std::pin::pin!(on_thread(load));
            loop {
                tokio::select! {
                    report = &mut run => break report?,
                    () = tokio::time::sleep(MEMORY_EVERY) => self.look(&mut series)?,
                }
            }
        };
        let first = self.n_sent;
        self.n_sent += report.sent;
        let expected = i64::try_from(self.n_sent)?;
        anyhow::ensure!(report.refused == 0, "{} pixels were rejected", report.refused);
        let lag = self
            .testbed
            .clickhouse
            .wait_for("SELECT count() FROM prospects", expected, VISIBLE_PATIENCE)
            .await?;
        let elapsed = begin.elapsed();
        self.look(&mut series)?;
        let cpu = self.cpu()?;
        let each = |index: usize| (cpu[index] - cpu_before[index]).as_secs_f64() * 1e6 / report.sent as f64;
        let [ingest, consumer] = &series;
        Ok(PipelineResult {
            events: report.sent,
            wanted_per_s: plan.per_s,
            accepted_per_s: report.per_s(),
            visible_per_s: report.sent as f64 / elapsed.as_secs_f64(),
            lag_s: lag.as_secs_f64(),
            durability: report.durability(),
            exact: self.is_exact(first).await?,
            cpu_us: CpuResult {
                client: report.cpu.as_secs_f64() * 1e6 / report.sent as f64,
                ingest: each(0),
                kafka: each(1),
                consumer: each(2),
                clickhouse: each(3),
            },
            ingest_memory: MemoryResult::of(ingest),
            consumer_memory: MemoryResult::of(consumer),
        })
    }

    /// Returns whether all numbers since `first` are stored exactly once, nothing else is stored,
    /// and the roll-up has the same sum.
    async fn is_exact(&self, first: u64) -> anyhow::Result<bool> {
        let clickhouse = &self.testbed.clickhouse;
        let sent = i64::try_from(self.n_sent)?;
        let new = i64::try_from(self.n_sent - first)?;
        let stored = clickhouse.number("SELECT count() FROM prospects").await?;
        let summed = clickhouse.number("SELECT sum(prospects) FROM rollup_hourly").await?;
        let numbers = format!(
            "SELECT uniqExact(number) FROM (SELECT toUInt64(sub3) AS number FROM prospects) WHERE number >= {first}"
        );
        Ok(stored == sent && summed == sent && clickhouse.number(&numbers).await? == new)
    }

    fn cpu(&self) -> anyhow::Result<[Duration; 4]> {
        let pids = [
            self.edge.child.pid(),
            self.servers.kafka.pid(),
            self.consumer.pid(),
            self.servers.clickhouse.pid(),
        ];
        let mut times = [Duration::ZERO; 4];
        for (time, pid) in times.iter_mut().zip(pids) {
            *time = cpu_time(pid)?;
        }
        Ok(times)
    }

    fn look(&self, series: &mut [Vec<Memory>; 2]) -> anyhow::Result<()> {
        series[0].push(memory(self.edge.child.pid())?);
        series[1].push(memory(self.consumer.pid())?);
        Ok(())
    }
}

impl MemoryResult {
    fn of(series: &[Memory]) -> Self {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let most = |of: fn(&Memory) -> u64| mib(series.iter().map(of).max().unwrap_or(0));
        let quarters = series.chunks(series.len().div_ceil(4).max(1)).map(|quarter| {
            mib(quarter.iter().map(|memory| memory.resident_kib).sum::<u64>()) / quarter.len() as f64
        });
        Self {
            peak_mib: most(|memory| memory.peak_kib),
            anonymous_peak_mib: most(|memory| memory.anonymous_kib),
            quarters_mib: quarters.collect(),
        }
    }
}
