//! The binary of a service as a child process: started, awaited until it is ready, killed, and
//! restarted with the same configuration. It dies with this process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sluice_local::process::{Process, ProcessSpec};
use sluice_local::servers::wait_until_ready;

/// The time limit for becoming ready, and for draining.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running service.
pub struct Child {
    name: String,
    spec: ProcessSpec,
    process: Process,
    ready_url: String,
}

impl Child {
    /// Starts a program and waits until `/readyz` on its operators' port answers 200.
    ///
    /// # Errors
    /// When it cannot be started, or does not become ready. The message contains the end of its
    /// log.
    pub async fn start(spec: ProcessSpec, ops_port: u16) -> anyhow::Result<Self> {
        let name = spec.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ready_url = format!("http://127.0.0.1:{ops_port}/readyz");
        let process = spec.spawn()?;
        let child = Self { name, spec, process, ready_url };
        child.wait_ready().await?;
        Ok(child)
    }

    /// Waits until the service is ready.
    ///
    /// # Errors
    /// When it ends before that, or is not ready after a minute. The message contains the end of
    /// its log.
    pub async fn wait_ready(&self) -> anyhow::Result<()> {
        wait_until_ready(&self.name, &self.process, &self.spec.log, PATIENCE, || {
            sluice_local::probe::ready(&self.ready_url)
        })
        .await
    }

    /// Returns why the service is not ready, or nothing if it is.
    pub async fn unready_reason(&self) -> Option<String> {
        let answer = sluice_local::probe::ready(&self.ready_url).await;
        answer.err().map(|error| format!("{error:#}"))
    }

    /// Kills the service with `kill -9` and starts it again, without waiting until it is ready.
    pub fn crash(&mut self) -> anyhow::Result<()> {
        self.process.kill_now();
        self.process = self.spec.spawn()?;
        Ok(())
    }

    /// Sends SIGTERM, and SIGKILL after a minute. Returns whether the service ended by itself
    /// without an error.
    pub async fn drain(&self) -> bool {
        self.process.stop(nix::sys::signal::Signal::SIGTERM, PATIENCE).await.success()
    }

    /// Waits until the service ends by itself.
    pub async fn ended(&self) -> std::process::ExitStatus {
        self.process.wait().await
    }

    #[must_use]
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    #[must_use]
    pub fn log(&self) -> &Path {
        &self.spec.log
    }
}

/// Returns the executable of a service: the one that the environment variable names, else the one
/// beside this program. A test may have to build it first.
///
/// # Errors
/// When it is missing. The message says how to build it.
pub async fn binary(name: &'static str, variable: Option<&str>) -> anyhow::Result<PathBuf> {
    if let Some(path) = variable.and_then(std::env::var_os) {
        return Ok(path.into());
    }
    tokio::task::spawn_blocking(move || sluice_local::binaries::find(name))
        .await?
        .map_err(|error| error.context(format!("no {name}: run `cargo build --workspace --bins`")))
}
