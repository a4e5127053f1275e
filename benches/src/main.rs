//! The command line of the measurements: which to run, how long, and how to print them. Progress goes to standard error,
//! the results to standard output.

use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use sluice_bench::api::fill::Size;
use sluice_bench::api::{self, ApiPlan};
use sluice_bench::latency::{self, LatencyPlan};
use sluice_bench::pipeline::{Pipeline, PipelinePlan};
use sluice_bench::pixel::{self, PixelPlan};
use sluice_bench::report::Report;
use sluice_bench::resolve;
use sluice_bench::way::PrivateServers;

/// The rate to sustain on 2 cores.
const PACE_PER_S: f64 = 20_000.0;

/// Measures the edge and the whole way on this machine; loopback only, ends by itself.
#[derive(Debug, Parser)]
#[command(name = "sluice-bench", version)]
struct Cli {
    /// Everything in about three minutes
    #[arg(long)]
    quick: bool,
    /// Only these measurements
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// CPU per pixel, beside nginx
    Pixel,
    /// Events a second until visible in ClickHouse
    Pipeline,
    /// Time from accepted to visible
    Latency,
    /// What finding an event's buyer and team costs the consumer
    Resolve,
    /// Lists, details, reads and logins of the API at size
    Api,
}

impl Cli {
    fn wants(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    fn pixel_plan(&self) -> PixelPlan {
        // Many short pairs: on a noisy machine neighbours in time are alike, and the median of their ratios holds.
        let (repeats, run_s) = if self.quick { (7, 1.0) } else { (15, 1.5) };
        PixelPlan { repeats, run: Duration::from_secs_f64(run_s) }
    }

    fn pipeline_plans(&self) -> [PipelinePlan; 2] {
        let (paced, unpaced) = if self.quick { (300_000, 300_000) } else { (1_200_000, 3_000_000) };
        [
            PipelinePlan { events: paced, per_s: Some(PACE_PER_S) },
            PipelinePlan { events: unpaced, per_s: None },
        ]
    }

    fn api_plan(&self) -> ApiPlan {
        if self.quick {
            ApiPlan { size: Size::QUICK, n_postgres: 20, n_clickhouse: 10, time: Duration::from_secs(3) }
        } else {
            ApiPlan { size: Size::FULL, n_postgres: 200, n_clickhouse: 40, time: Duration::from_secs(10) }
        }
    }

    fn latency_plans(&self) -> [LatencyPlan; 2] {
        let time = Duration::from_secs(if self.quick { 7 } else { 30 });
        [1_000.0, PACE_PER_S].map(|background_per_s| LatencyPlan { background_per_s, time })
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let begin = Instant::now();
    let report = tokio::select! {
        report = measure(&cli, begin) => report?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            anyhow::bail!("interrupted");
        }
    };
    print(&if cli.json { serde_json::to_string_pretty(&report)? } else { report.to_table() });
    note(begin, "done");
    Ok(())
}

async fn measure(cli: &Cli, begin: Instant) -> anyhow::Result<Report> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report { cores, ..Report::default() };
    if cli.wants(Measurement::Pixel) {
        anyhow::ensure!(cores > 1, "the edge and its client need a core each");
        note(begin, "starting postgres, kafka and clickhouse");
        let servers = PrivateServers::start().await?;
        note(begin, "CPU per pixel");
        report.pixel = Some(pixel::measure(&servers, cli.pixel_plan()).await?);
    }
    if cli.wants(Measurement::Resolve) {
        note(begin, "resolving");
        report.resolve = Some(resolve::measure(if cli.quick { 3 } else { 9 }));
    }
    if cli.wants(Measurement::Latency) || cli.wants(Measurement::Pipeline) {
        note(begin, "starting postgres, kafka and clickhouse");
        // New ones: those before had Kafka bound to a core.
        let servers = PrivateServers::start().await?;
        let mut pipeline = Pipeline::start(&servers, "pipeline").await?;
        if cli.wants(Measurement::Pipeline) {
            for plan in cli.pipeline_plans() {
                note(begin, &format!("{} events through the whole way", plan.events));
                report.pipeline.push(pipeline.measure(plan).await?);
            }
        }
        if cli.wants(Measurement::Latency) {
            for plan in cli.latency_plans() {
                note(begin, &format!("time until visible at {:.0} events/s", plan.background_per_s));
                report.latency.push(latency::measure(&pipeline, plan).await?);
            }
        }
    }
    if cli.wants(Measurement::Api) {
        note(begin, "starting postgres, kafka and clickhouse");
        let servers = PrivateServers::start().await?;
        report.api = Some(api::measure(&servers, cli.api_plan(), |text| note(begin, text)).await?);
    }
    Ok(report)
}

#[expect(clippy::print_stderr, reason = "progress for who waits")]
fn note(begin: Instant, text: &str) {
    eprintln!("[{:5.1} s] {text}", begin.elapsed().as_secs_f64());
}

#[expect(clippy::print_stdout, reason = "the output that was asked for")]
fn print(text: &str) {
    println!("{text}");
}
