//! The binary of a service as a child process of a test: started, awaited, killed or stopped.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{Process, ProcessSpec, tail};
use crate::servers::wait_until_ready;

/// A running service. Dropping it kills it. It also dies with the test process.
pub struct Service {
    process: Process,
    spec: ProcessSpec,
    name: String,
    ops_port: u16,
}

impl Service {
    /// Starts `name` (`sluice-ingest`, …) with variables added to its environment, and waits until
    /// `/readyz` on `ops_port` answers 200. The name may contain arguments: `"sluice-api serve"`.
    ///
    /// # Panics
    /// When the service does not become ready within a minute. The message contains the end of its
    /// log.
    pub async fn start(name: &str, environment: &[(&str, String)], ops_port: u16) -> Self {
        let service = Self::start_unready(name, environment, ops_port);
        service.wait_ready().await;
        service
    }

    /// Starts a service without waiting.
    pub fn start_unready(name: &str, environment: &[(&str, String)], ops_port: u16) -> Self {
        let mut words = name.split_whitespace();
        let binary = words.next().expect("a service has a name").to_owned();
        let log = super::folder("service").join(format!("{binary}.log"));
        let mut spec = ProcessSpec::new(super::service_binary(&binary), log).args(words);
        for (variable, value) in environment {
            spec = spec.env(variable, value);
        }
        let process = spec.spawn().unwrap_or_else(|error| panic!("{error:#}"));
        Self { process, spec, name: binary, ops_port }
    }

    /// Starts the service again after a kill, with the same configuration, and waits until it is
    /// ready.
    pub async fn restart(&mut self) {
        self.process.kill_now();
        self.process = self.spec.spawn().unwrap_or_else(|error| panic!("{error:#}"));
        self.wait_ready().await;
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// When that takes longer than a minute.
    pub async fn wait_ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.ops_port);
        wait_until_ready(&self.name, &self.process, &self.spec.log, Duration::from_secs(60), || {
            crate::probe::ready(&url)
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    }

    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    pub fn log(&self) -> &Path {
        &self.spec.log
    }

    /// Returns the last lines of the log.
    pub fn log_tail(&self) -> String {
        tail(&self.spec.log, 0, 30)
    }

    /// Returns the exit status if the service has ended.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Kills the service with `kill -9`. Returns when it is gone.
    pub fn kill9(&self) {
        self.process.kill_now();
    }

    /// Sends SIGTERM, and SIGKILL after 30 seconds. Returns the exit status.
    pub async fn terminate(&self) -> ExitStatus {
        self.process.stop(Signal::SIGTERM, Duration::from_secs(30)).await
    }

    /// Sends any signal (`"SIGSTOP"`, `"SIGCONT"`, …).
    pub fn signal(&self, name: &str) {
        self.process.signal(name.parse().expect("a signal's name"));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.process.kill_now();
        let folder: Option<PathBuf> = self.spec.log.parent().map(Path::to_owned);
        // The log of a failed test is kept.
        if let Some(folder) = folder.filter(|_| !std::thread::panicking()) {
            drop(std::fs::remove_dir_all(folder));
        }
    }
}
