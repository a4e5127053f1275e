//! The lifecycle of a service. It runs until the first SIGTERM or SIGINT, which starts the drain:
//! it finishes what was begun and accepts nothing new. The second signal ends it at once.
//! Background tasks are spawned here, so that a drain can wait for them.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Handles to the lifecycle. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    drain: CancellationToken,
    tracker: TaskTracker,
}

impl Lifecycle {
    /// Installs the signal handlers. Must be called inside a runtime that lives as long as the
    /// process.
    pub fn start() -> std::io::Result<Self> {
        let lifecycle = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let drain = lifecycle.drain.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "a drain must not wait for the task that watches the signals"
        )]
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if drain.is_cancelled() {
                    tracing::warn!("second signal: stopping at once");
                    std::process::exit(130);
                }
                tracing::info!("draining");
                drain.cancel();
            }
        });
        Ok(lifecycle)
    }

    /// Cancelled when the service must accept nothing new and finish what it has begun.
    #[must_use]
    pub fn draining(&self) -> &CancellationToken {
        &self.drain
    }

    /// Starts the drain from inside: after a fatal error, or in tests.
    pub fn begin_drain(&self) {
        self.drain.cancel();
    }

    /// Runs a task that the drain waits for.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Waits for the drain to begin, then for the spawned tasks to end.
    ///
    /// Returns whether all ended within `patience`.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.drain.cancelled().await;
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_waits_for_tasks_but_not_for_ever() {
        let lifecycle = Lifecycle::default();
        let draining = lifecycle.draining().clone();
        let task = lifecycle.spawn(async move { draining.cancelled().await });
        lifecycle.begin_drain();
        assert!(lifecycle.finish(Duration::from_secs(5)).await);
        task.await.unwrap();

        lifecycle.spawn(std::future::pending::<()>());
        assert!(!lifecycle.finish(Duration::from_millis(10)).await);
    }
}
