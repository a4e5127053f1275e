//! A service's life: it runs until the first SIGTERM or SIGINT (drain: finish what was begun, take nothing new), and ends
//! at once at the second (abort). Background work is spawned here, so that a drain can wait for it.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Handles to a service's life. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    drain: CancellationToken,
    tracker: TaskTracker,
}

impl Lifecycle {
    /// Listens for the signals. Must be called inside a runtime that lives as long as the process.
    ///
    /// # Errors
    /// When the system refuses a signal handler.
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

    /// Cancelled when the service should take nothing new and finish what it has.
    #[must_use]
    pub fn draining(&self) -> &CancellationToken {
        &self.drain
    }

    /// Starts the drain from inside, for a fatal error or in tests.
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
