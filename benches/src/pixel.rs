//! Measures CPU per pixel: process time divided by requests. The edge has one core and the client
//! another. nginx's `empty_gif` is measured alternately with the same requests. CPU time is used
//! instead of requests per second because machines are noisy.
//!
//! The time of the edge is that of all its threads until it is idle again. So the work after the
//! answer (syncing the journal, forwarding to Kafka) counts too.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use crate::load::{self, LoadPlan, LoadReport};
use crate::nginx::Nginx;
use crate::proc::{cpu_time, pin};
use crate::requests::PixelRequests;
use crate::testbed::PrivateServers;

const SERVER_CORE: usize = 0;
const CLIENT_CORE: usize = 1;
/// The time until the edge writes into recycled segments. The first two segments are new files,
/// which take longer to write.
const WARM_UP: Duration = Duration::from_millis(2500);

/// The duration and number of the runs.
#[derive(Debug, Clone, Copy)]
pub struct PixelPlan {
    pub repeats: usize,
    pub run: Duration,
}

/// One run of one server.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct PixelRun {
    pub requests: u64,
    pub per_s: f64,
    /// CPU time of the server's process per request, in microseconds.
    pub cpu_us: f64,
}

/// The results.
#[derive(Debug, Clone, Serialize)]
pub struct PixelResult {
    pub edge: Vec<PixelRun>,
    pub edge_median_us: f64,
    /// Absent if nginx is not installed.
    pub nginx: Option<Vec<PixelRun>>,
    pub nginx_median_us: Option<f64>,
    /// The median of the ratios of neighbouring runs.
    pub ratio: Option<f64>,
    pub durability: &'static str,
    pub refused: u64,
}

/// Measures with private servers.
///
/// # Errors
/// When something does not start, or a pixel is answered with an error.
pub async fn measure(servers: &PrivateServers, plan: PixelPlan) -> anyhow::Result<PixelResult> {
    // Kafka shares the core of the client, so that the edge has a whole core.
    pin(servers.kafka.pid(), CLIENT_CORE)?;
    let testbed = servers.testbed("pixel", 1).await?;
    let edge = testbed.edge(1).await?;
    let folder = tempfile::tempdir()?;
    let nginx = match crate::nginx::find() {
        Some(program) => Some(Nginx::start(&program, folder.path()).await?),
        None => None,
    };
    pin(edge.child.pid(), SERVER_CORE)?;
    if let Some(nginx) = &nginx {
        pin(nginx.process.pid(), SERVER_CORE)?;
    }
    let (mut edge_runs, mut nginx_runs) = (Vec::new(), Vec::new());
    let (mut refused, mut durability) = (0, "none");
    run(edge.child.pid(), edge.proxied, WARM_UP).await?;
    for _ in 0..plan.repeats {
        let (edge_run, report) = run(edge.child.pid(), edge.proxied, plan.run).await?;
        edge_runs.push(edge_run);
        refused += report.refused;
        durability = report.durability();
        if let Some(nginx) = &nginx {
            nginx_runs.push(run(nginx.process.pid(), nginx.address, plan.run).await?.0);
        }
    }
    anyhow::ensure!(edge.child.drain().await, "the edge did not drain; see {}", edge.child.log().display());
    let cpu = |runs: &[PixelRun]| runs.iter().map(|run| run.cpu_us).collect::<Vec<_>>();
    let ratios = edge_runs.iter().zip(&nginx_runs).map(|(edge, nginx)| edge.cpu_us / nginx.cpu_us).collect();
    Ok(PixelResult {
        edge_median_us: median(cpu(&edge_runs)).context("no run")?,
        nginx_median_us: median(cpu(&nginx_runs)),
        ratio: median(ratios),
        edge: edge_runs,
        nginx: nginx.is_some().then_some(nginx_runs),
        durability,
        refused,
    })
}

async fn run(pid: i32, address: SocketAddr, time: Duration) -> anyhow::Result<(PixelRun, LoadReport)> {
    let before = cpu_at_rest(pid).await?;
    let plan = LoadPlan { time, core: Some(CLIENT_CORE), ..LoadPlan::new(address) };
    let report = on_thread(plan).await?;
    let cpu = cpu_at_rest(pid).await?.saturating_sub(before);
    let requests = report.accepted + report.refused;
    let cpu_us = cpu.as_secs_f64() * 1e6 / requests as f64;
    Ok((PixelRun { requests, per_s: report.per_s(), cpu_us }, report))
}

/// Runs a plan on a separate thread, so that its core and its sleeps affect nothing else.
pub(crate) async fn on_thread(plan: LoadPlan) -> anyhow::Result<LoadReport> {
    let (sender, report) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("load".to_owned()).spawn(move || {
        // The receiver is gone if the measurement was given up.
        drop(sender.send(load::run(&plan, &mut PixelRequests::new(1))));
    })?;
    report.await.context("the load generator panicked")?
}

/// Returns the CPU time once the process has used hardly any for a while: the work after the
/// answers is done.
async fn cpu_at_rest(pid: i32) -> anyhow::Result<Duration> {
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    const AT_REST: Duration = Duration::from_millis(10);
    const PATIENCE: Duration = Duration::from_secs(20);
    let begin = Instant::now();
    let mut last = cpu_time(pid)?;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = cpu_time(pid)?;
        if now.saturating_sub(last) <= AT_REST || begin.elapsed() > PATIENCE {
            return Ok(now);
        }
        last = now;
    }
}

/// Returns the median; the lower of the two middle values if their number is even.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(1.0));
        assert_eq!(median(vec![]), None);
    }
}
