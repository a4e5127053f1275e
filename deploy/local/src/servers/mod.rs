//! The servers that the services need. The local stack and the tests start them in the same way.

pub mod clickhouse;
pub mod kafka;
pub mod postgres;

use std::time::{Duration, Instant};

use crate::process::{Process, tail};

/// Waits until `is_ready` succeeds, the process ends, or the time is up.
///
/// # Errors
/// When the server did not become ready. The message contains the end of its log.
pub async fn wait_until_ready<F, R>(
    name: &str,
    process: &Process,
    log: &std::path::Path,
    patience: Duration,
    mut is_ready: F,
) -> anyhow::Result<()>
where
    F: FnMut() -> R,
    R: Future<Output = anyhow::Result<()>>,
{
    let deadline = Instant::now() + patience;
    loop {
        let reason = match is_ready().await {
            Ok(()) => return Ok(()),
            Err(error) => format!("{error:#}"),
        };
        if let Some(status) = process.exit_status() {
            anyhow::bail!("{name} ended ({status}); its last lines:\n{}", tail(log, 0, 15));
        }
        if Instant::now() > deadline {
            anyhow::bail!(
                "{name} is not ready after {patience:?}: {reason}; its last lines:\n{}",
                tail(log, 0, 15)
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
