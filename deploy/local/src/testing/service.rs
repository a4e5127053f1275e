//! A service's binary as a child process of a test: started, awaited, killed or asked to stop.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::process::{Process, ProcessSpec, tail};
use crate::servers::wait_until_ready;

/// A running service. Dropping it kills it; it dies with the test process too.
pub struct Service {
    process: Process,
    spec: ProcessSpec,
    name: String,
    ops_port: u16,
}

impl Service {
    /// Starts `name` (`sluice-ingest`, …) with variables added to its environment, and waits until `/readyz` on
    /// `ops_port` answers 200. `arguments` in the name are allowed: `"sluice-api serve"`.
    ///
    /// # Panics
    /// When it does not become ready within a minute; with the end of its log.
    pub async fn start(name: &str, environment: &[(&str, String)], ops_port: u16) -> Self {
        let service = Self::start_unready(name, environment, ops_port);
        service.wait_ready().await;
        service
    }

    /// Starts it without waiting.
    ///
    /// # Panics
    /// When it cannot be started.
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

    /// Starts it again, after a kill, with the same configuration, and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub async fn restart(&mut self) {
        self.process.kill_now();
        self.process = self.spec.spawn().unwrap_or_else(|error| panic!("{error:#}"));
        self.wait_ready().await;
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Panics
    /// When it does not within a minute.
    pub async fn wait_ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.ops_port);
        wait_until_ready(&self.name, &self.process, &self.spec.log, Duration::from_secs(60), || {
            crate::probe::ready(&url)
        })
        .await
        .unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Its log file.
    pub fn log(&self) -> &Path {
        &self.spec.log
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.spec.log, 0, 30)
    }

    /// Whether it has ended.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// `kill -9`; returns when it is gone.
    pub fn kill9(&self) {
        self.process.kill_now();
    }

    /// SIGTERM, and SIGKILL after 30 seconds; its exit status.
    pub async fn terminate(&self) -> ExitStatus {
        self.process.stop(Signal::SIGTERM, Duration::from_secs(30)).await
    }

    /// Sends any signal (`"SIGSTOP"`, `"SIGCONT"`, …).
    ///
    /// # Panics
    /// When there is no such signal.
    pub fn signal(&self, name: &str) {
        self.process.signal(name.parse().expect("a signal's name"));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.process.kill_now();
        let folder: Option<PathBuf> = self.spec.log.parent().map(Path::to_owned);
        // The log of a failed test is worth keeping.
        if let Some(folder) = folder.filter(|_| !std::thread::panicking()) {
            drop(std::fs::remove_dir_all(folder));
        }
    }
}
