//! The `sluice-ingest` program: configuration → logging → lifecycle → edge → operators' port →
//! print the bound addresses → wait → drain. The library has everything else.

use anyhow::Context as _;
use clap::Parser;
use prometheus_client::registry::Registry;
use sluice_ingest::config::Config;
use sluice_ingest::edge::Edge;
use sluice_runtime::clock::Clock;
use sluice_runtime::config::{ConfigArgs, load_or_exit};
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::{self, Readiness};
use sluice_runtime::telemetry;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Writes pixels and orders into a crash-safe journal and forwards them to Kafka.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let config: Config = load_or_exit(&args.config);
    telemetry::init();
    tracing::info!(config = sluice_runtime::config::redacted(&config), "effective configuration");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let edge = runtime.block_on(serve(&config))?;
    // This thread drives the runtime, so the operators' port is served while the journal is
    // flushed.
    runtime.block_on(async move { tokio::task::spawn_blocking(move || edge.finish()).await })??;
    tracing::info!("ended");
    Ok(())
}

/// Starts everything and waits for the drain.
async fn serve(config: &Config) -> anyhow::Result<Edge> {
    let lifecycle = Lifecycle::start().context("the signal handlers cannot be installed")?;
    let readiness = Readiness::starting(&["journal"]);
    let mut registry = Registry::default();
    let edge = Edge::start(config, &Clock::System, &readiness, &mut registry, lifecycle.draining())
        .context("the edge cannot start")?;
    let ops = ops::serve(config.ops.listen, registry, readiness, &lifecycle)
        .await
        .with_context(|| format!("the operators' port {} cannot be bound", config.ops.listen))?;
    tracing::info!(
        listen = %edge.listen(),
        proxy_listen = edge.proxy_listen().map(tracing::field::display),
        %ops,
        edge = %edge.id(),
        "serving"
    );
    lifecycle.draining().cancelled().await;
    Ok(edge)
}
