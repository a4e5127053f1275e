//! The command line of the measurements: which ones to run, how long, and the output format.
//! Progress goes to standard error, results to standard output.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand, ValueEnum};
use sluice_bench::api::fill::Size;
use sluice_bench::api::{self, ApiPlan};
use sluice_bench::crash_points;
use sluice_bench::crash_points::point::{Action, Call, PointFilter};
use sluice_bench::crash_points::scenario::Scenario;
use sluice_bench::latency::{self, LatencyPlan};
use sluice_bench::pipeline::{Pipeline, PipelinePlan};
use sluice_bench::pixel::{self, PixelPlan};
use sluice_bench::report::Report;
use sluice_bench::testbed::PrivateServers;
use sluice_bench::{classify, resolve};

/// The required rate on 2 cores.
const PACE_PER_S: f64 = 20_000.0;

/// Measures the edge and the whole pipeline on this machine; uses loopback only and ends by itself.
#[derive(Debug, Parser)]
#[command(name = "sluice-bench", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
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

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill ClickHouse, or fail one of its calls, at every point of a batch, and compare what is
    /// stored with what was sent
    ///
    /// Starts its own Kafka, ClickHouse, PostgreSQL and consumer on free ports. A small library is
    /// loaded into ClickHouse in front of the C library; a C compiler must be installed to build
    /// it. Each point is tested with a separate batch. Exits with 1 if anything is lost, duplicated
    /// or miscounted, or if a point was left out because the time was up.
    CrashPoints(CrashPointsArgs),
}

#[derive(Debug, clap::Args)]
struct CrashPointsArgs {
    /// The number that chooses the sample, and the kills that also end the consumer (default: a
    /// random number, which is printed)
    #[arg(long)]
    seed: Option<u64>,
    /// Only these kinds of calls
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Call>,
    /// Only these faults
    #[arg(long, value_enum, value_delimiter = ',')]
    action: Vec<Action>,
    /// Also fail writes: the engine of ClickHouse as a library does not notice that, and answers OK
    /// to a lost insert
    #[arg(long)]
    failed_writes: bool,
    /// Only these kinds of batches
    #[arg(long, value_enum, value_delimiter = ',')]
    batch: Vec<Scenario>,
    /// At most this many points of each kind of batch, chosen by the seed
    #[arg(long)]
    sample: Option<usize>,
    /// Leave out the first points of each kind of batch, to go on after a run that was interrupted
    #[arg(long, default_value_t = 0)]
    skip: usize,
    /// Start no new point after this many minutes
    #[arg(long, default_value_t = 120)]
    minutes: u64,
}

impl CrashPointsArgs {
    fn plan(&self) -> crash_points::Plan {
        crash_points::Plan {
            seed: self.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
            scenarios: if self.batch.is_empty() { Scenario::ALL.into() } else { self.batch.clone() },
            filter: PointFilter {
                calls: self.only.clone(),
                actions: self.action.clone(),
                failed_writes: self.failed_writes,
            },
            always: |_| false,
            sample: self.sample,
            skip: self.skip,
            time: Duration::from_secs(self.minutes * 60),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// CPU per pixel, compared with nginx
    Pixel,
    /// Events per second until they are visible in ClickHouse
    Pipeline,
    /// Time from accepted to visible
    Latency,
    /// The cost for the consumer of resolving the owner of an event
    Resolve,
    /// The cost for the consumer of reading a user agent that it has not seen before
    Classify,
    /// Lists, details, reads and logins of the API at size
    Api,
}

impl Cli {
    fn wants(&self, measurement: Measurement) -> bool {
        self.only.is_empty() || self.only.contains(&measurement)
    }

    fn pixel_plan(&self) -> PixelPlan {
        // Many short pairs: on a noisy machine, consecutive runs are similar, so the median of
        // their ratios is stable.
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
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let begin = Instant::now();
    let status = tokio::select! {
        status = run(&cli, begin) => status?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            anyhow::bail!("interrupted");
        }
    };
    note(begin, "done");
    Ok(status)
}

async fn run(cli: &Cli, begin: Instant) -> anyhow::Result<ExitCode> {
    if let Some(Command::CrashPoints(args)) = &cli.command {
        let plan = args.plan();
        note(begin, &format!("seed {}", plan.seed));
        let summary = crash_points::run(&plan, |text| note(begin, text)).await?;
        print(&summary.to_table());
        return Ok(if summary.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let report = measure(cli, begin).await?;
    print(&if cli.json { serde_json::to_string_pretty(&report)? } else { report.to_table() });
    Ok(ExitCode::SUCCESS)
}

async fn measure(cli: &Cli, begin: Instant) -> anyhow::Result<Report> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report { cores, ..Report::default() };
    if cli.wants(Measurement::Pixel) {
        anyhow::ensure!(cores > 1, "the edge and its client need a core each");
        note(begin, "starting PostgreSQL, Kafka and ClickHouse");
        let servers = PrivateServers::start().await?;
        note(begin, "CPU per pixel");
        report.pixel = Some(pixel::measure(&servers, cli.pixel_plan()).await?);
    }
    if cli.wants(Measurement::Resolve) {
        note(begin, "resolving");
        report.resolve = Some(resolve::measure(if cli.quick { 3 } else { 9 }));
    }
    if cli.wants(Measurement::Classify) {
        note(begin, "classifying");
        report.classify = Some(classify::measure(if cli.quick { 3 } else { 9 })?);
    }
    if cli.wants(Measurement::Latency) || cli.wants(Measurement::Pipeline) {
        note(begin, "starting PostgreSQL, Kafka and ClickHouse");
        // New servers, because Kafka was bound to a core before.
        let servers = PrivateServers::start().await?;
        let mut pipeline = Pipeline::start(&servers, "pipeline").await?;
        if cli.wants(Measurement::Pipeline) {
            for plan in cli.pipeline_plans() {
                note(begin, &format!("{} events through the whole pipeline", plan.events));
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
        note(begin, "starting PostgreSQL, Kafka and ClickHouse");
        let servers = PrivateServers::start().await?;
        report.api = Some(api::measure(&servers, cli.api_plan(), |text| note(begin, text)).await?);
    }
    Ok(report)
}

#[expect(clippy::print_stderr, reason = "progress for the person who waits")]
fn note(begin: Instant, text: &str) {
    eprintln!("[{:5.1} s] {text}", begin.elapsed().as_secs_f64());
}

#[expect(clippy::print_stdout, reason = "the requested output")]
fn print(text: &str) {
    println!("{text}");
}
