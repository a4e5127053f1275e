//! `serve`: also starts while the databases are down. `/readyz` fails until they are up.

use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sluice_runtime::clock::Clock;
use sluice_runtime::config::redacted;
use sluice_runtime::descriptors;
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::{self, Readiness};

use crate::config::Config;
use crate::http::connections::ConnectionLimits;
use crate::http::state::App;
use crate::http::{health, serve};
use crate::live_feed;
use crate::metrics::Metrics;
use crate::routes;

/// The longest time that a drain waits for open requests.
const DRAIN_PATIENCE: Duration = Duration::from_secs(35);

/// Serves until a signal.
///
/// # Errors
/// Fails if an address cannot be bound.
pub async fn run(config: Config) -> anyhow::Result<()> {
    tracing::info!(config = %redacted(&config), "starting");
    let lifecycle = Lifecycle::start().context("signal handlers")?;
    let readiness = Readiness::starting(&health::PARTS);
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let (listen, ops_listen) = (config.http.listen, config.ops.listen);
    let app = App::new(config, Clock::System, readiness.clone(), metrics)?;
    descriptors::raise_limit();
    let limits = ConnectionLimits::of(&app.config.http);
    health::watch(&app, &lifecycle);
    live_feed::watch(&app.live, &lifecycle);
    let ops_bound = ops::serve(ops_listen, registry, readiness, &lifecycle)
        .await
        .with_context(|| format!("ops.listen {ops_listen}"))?;
    let bound = serve::serve(listen, routes::build(&app), limits, &app.metrics, &lifecycle)
        .await
        .with_context(|| format!("http.listen {listen}"))?;
    tracing::info!(http = %bound, ops = %ops_bound, "serving");
    if !lifecycle.finish(DRAIN_PATIENCE).await {
        tracing::warn!("some requests were cut off");
    }
    tracing::info!("stopped");
    Ok(())
}
