//! The disk of ClickHouse is full, or read-only, under load. The consumer waits and reports the
//! reason. Afterwards everything is stored once. `SLUICE_FAULT_SECONDS` sets the length of each
//! fault. The tests mount file systems, so they must run as root.

use std::cell::RefCell;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sluice_bench::testbed::PrivateServers;

use crate::client::Clients;
use crate::ledger;
use crate::restarts::setting;

/// The length of a fault in a short run.
const FAULT_SECONDS: u64 = 6;
/// Enough for the tables of a short run, but soon full.
const DISK_BYTES: u64 = 256 << 20;
/// The time limit for the consumer to report that it is not ready, and to be ready again.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_nothing_but_time() -> anyhow::Result<()> {
    let mut disk = None;
    let servers = PrivateServers::start_with(async |_, data| {
        std::fs::create_dir_all(data)?;
        disk = Some(Mount::tmpfs(data, DISK_BYTES)?);
        Ok(Vec::new())
    })
    .await?;
    let disk = disk.context("the servers were prepared")?;
    let ballast = disk.at.join("ballast");
    let fill = || match std::io::copy(&mut std::io::repeat(0), &mut File::create(&ballast)?) {
        Err(error) if error.kind() == ErrorKind::StorageFull => Ok(()),
        other => anyhow::bail!("the disk does not fill: {other:?}"),
    };
    under_load(&servers, "full_disk", fill, || Ok(std::fs::remove_file(&ballast)?)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_costs_nothing_but_time() -> anyhow::Result<()> {
    let mut store = PathBuf::new();
    let servers = PrivateServers::start_with(async |_, data| {
        store = data.join("store");
        Ok(Vec::new())
    })
    .await?;
    let mount = RefCell::new(None);
    let begin = || {
        mount.replace(Some(Mount::read_only(&store)?));
        Ok(())
    };
    let end = || {
        mount.take();
        Ok(())
    };
    under_load(&servers, "read_only_disk", begin, end).await
}

/// Runs the services under load while a fault begins and ends, and compares the stored with the
/// acknowledged events.
async fn under_load(
    servers: &PrivateServers,
    name: &str,
    begin: impl Fn() -> anyhow::Result<()>,
    end: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let testbed = servers.testbed(name, 2).await?;
    let (edge, consumer) = tokio::try_join!(testbed.edge(2), testbed.consumer(&[]))?;
    let clients = Clients::start(edge.proxied);
    tokio::time::sleep(Duration::from_secs(2)).await;
    begin()?;
    let began = Instant::now();
    let why = wait(async || consumer.unready_reason().await).await.with_context(|| testbed.log_tails())?;
    eprintln!("not ready after {:.1} s: {why}", began.elapsed().as_secs_f64());
    assert!(why.contains("clickhouse"), "the reason names ClickHouse: {why}");
    tokio::time::sleep(Duration::from_secs(setting("SLUICE_FAULT_SECONDS").unwrap_or(FAULT_SECONDS))).await;
    end()?;
    let ended = Instant::now();
    wait(async || consumer.unready_reason().await.is_none().then_some(()))
        .await
        .with_context(|| testbed.log_tails())?;
    eprintln!("ready again after {:.1} s", ended.elapsed().as_secs_f64());
    tokio::time::sleep(Duration::from_secs(1)).await;
    ledger::check_all(&testbed, clients).await?;
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both well");
    Ok(())
}

/// Waits until a query has a result, and returns it.
async fn wait<T>(question: impl AsyncFn() -> Option<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question().await {
            return Ok(answer);
        }
        anyhow::ensure!(Instant::now() < deadline, "the readiness does not change");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A mounted file system. It is unmounted when this value is dropped.
struct Mount {
    at: PathBuf,
}

impl Mount {
    /// Mounts an empty file system in memory.
    fn tmpfs(at: &Path, bytes: u64) -> anyhow::Result<Self> {
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"]).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Makes a folder read-only for all files that are opened, created, renamed or removed from now
    /// on.
    fn read_only(at: &Path) -> anyhow::Result<Self> {
        run(Command::new("mount").arg("--bind").arg(at).arg(at))?;
        let mount = Self { at: at.to_owned() };
        run(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(at))?;
        Ok(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // New users see the underlying folder at once, ClickHouse when it has closed its files.
        if let Err(error) = run(Command::new("umount").arg("--lazy").arg(&self.at)) {
            eprintln!("{error:#}");
        }
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().context("cannot run it")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?}: {errors}");
    Ok(())
}
