//! The program `sluice-consumer`: reads its configuration, connects the parts and waits for the
//! end.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use prometheus_client::registry::Registry;
use sluice_consumer::config::{Config, KafkaConfig};
use sluice_consumer::context::Shared;
use sluice_consumer::directory::keeper::Keeper;
use sluice_consumer::enrich::classifier::Classifier;
use sluice_consumer::enrich::data::DataFiles;
use sluice_consumer::live_feed::LiveFeed;
use sluice_consumer::metrics::Metrics;
use sluice_consumer::parked_command::{self, ParkedArgs};
use sluice_consumer::store::Store;
use sluice_consumer::subscription::{Crashes, Subscription};
use sluice_consumer::topic::Topic;
use sluice_consumer::verify::command::{self, ReclassifyArgs, VerifyArgs};
use sluice_consumer::writer;
use sluice_runtime::clock::Clock;
use sluice_runtime::config::{ConfigArgs, ConfigError, exit_bad_config, load_or_exit};
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::{self, Readiness};
use sluice_runtime::telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kafka to ClickHouse, exactly once.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Compare the tables with each other and with the sums; ends with 1 if they differ
    Verify(VerifyArgs),
    /// Read the addresses and user agents of stored visits again with the present data sets; every
    /// sluice-consumer must be stopped
    Reclassify(ReclassifyArgs),
    /// Parked events: count and list them, mend or ignore them, let ignored ones wait again
    Parked(ParkedArgs),
    /// Let this consumer group write the database in place of the registered one, whose consumers
    /// must have stopped
    ///
    /// Its own offsets decide where it begins: copy those of the old group first, or it begins at
    /// the oldest record that Kafka has. Events that are stored are not stored again.
    TakeOver,
}

/// The longest time that the last batches may take when the service drains.
const DRAIN_PATIENCE: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    let config: Config = load_or_exit(&cli.config);
    telemetry::init();
    if let Some(command) = &cli.command {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return match command {
            Command::Verify(args) => runtime.block_on(command::run(args, &config)),
            Command::Reclassify(args) => runtime.block_on(command::run_reclassify(args, &config)),
            Command::Parked(args) => runtime.block_on(parked_command::run(args, &config)),
            Command::TakeOver => runtime.block_on(writer::take_over(&config)),
        };
    }
    let classifier = Classifier::open(DataFiles::of(&config))
        .unwrap_or_else(|error| exit_bad_config(&ConfigError::new(error.key, error.to_string())));
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(config, classifier))
        .map(|()| ExitCode::SUCCESS)
}

async fn run(config: Config, classifier: Classifier) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::start().context("signal handlers")?;
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let readiness = Readiness::starting(&["clickhouse", "kafka"]);
    let bound = ops::serve(config.ops.listen, registry, readiness.clone(), &lifecycle)
        .await
        .with_context(|| format!("cannot listen on {}", config.ops.listen))?;
    tracing::info!(ops = %bound, config = sluice_runtime::config::redacted(&config), "consumer starts");

    lifecycle.spawn(classifier.clone().watch(metrics.clone(), lifecycle.draining().clone()));
    let store = Store::new(&config.clickhouse);
    if !wait_for_servers(&store, &config.kafka, &readiness, &lifecycle).await {
        return Ok(());
    }
    let directory =
        Keeper::open(&config.directory, metrics.stale_directory.clone()).context("the directory")?;
    let join = |topic| Subscription::join(topic, &config.kafka, &metrics, &readiness).context("kafka");
    let (events, changes) = (join(Topic::Events)?, join(Topic::Changes)?);
    let crashes = [events.crashes(), changes.crashes()];
    let shared = Shared {
        live: LiveFeed::new(&config.kafka, &metrics).context("kafka")?,
        store,
        directory,
        classifier,
        metrics,
        events: events.offsets(),
        config: config.batch.clone(),
        clock: Clock::System,
        readiness,
        draining: lifecycle.draining().clone(),
    };
    let run =
        |subscription: Subscription| subscription.run(config.batch.buffer_bytes, shared.clone(), &lifecycle);
    tokio::try_join!(run(events), run(changes)).context("kafka")?;
    if !lifecycle.finish(DRAIN_PATIENCE).await {
        tracing::warn!("a batch did not end in time; it will be repeated");
    }
    anyhow::ensure!(!crashes.iter().any(Crashes::any), "the owner of a partition has crashed");
    Ok(())
}

/// Waits until ClickHouse has the tables and this group may write them. False when the service
/// drains first.
async fn wait_for_servers(
    store: &Store,
    kafka: &KafkaConfig,
    readiness: &Readiness,
    lifecycle: &Lifecycle,
) -> bool {
    loop {
        match registration(store, kafka).await {
            Ok(None) => {
                readiness.ready("clickhouse");
                return true;
            }
            Ok(Some(refusal)) => exit_bad_config(&refusal),
            Err((part, reason)) => readiness.not_ready(part, reason),
        }
        tokio::select! {
            () = lifecycle.draining().cancelled() => return false,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}

/// Registers this group. Returns the reason if it may not write. The error names the server that
/// does not answer, and has its message.
async fn registration(
    store: &Store,
    kafka: &KafkaConfig,
) -> Result<Option<ConfigError>, (&'static str, String)> {
    store.check().await.map_err(|error| ("clickhouse", error.to_string()))?;
    let cluster = writer::cluster_id(kafka).await.map_err(|error| ("kafka", format!("{error:#}")))?;
    writer::register(store, kafka, &cluster).await.map_err(|error| ("clickhouse", error.to_string()))
}
