//! The right to work on one partition: from its assignment until Kafka takes it away.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// The partition belongs to another consumer, or soon will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partition was taken away")]
pub struct Revoked;

/// The lease of one partition. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Lease {
    revoked: CancellationToken,
    /// Locked during a commit and while the lease ends, so that no commit follows the end.
    gate: Arc<Mutex<()>>,
}

impl Lease {
    /// Ends the lease. Waits for a commit that is under way; after it no other one can follow.
    pub fn revoke(&self) {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        self.revoked.cancel();
    }

    /// Whether the lease has ended.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.is_cancelled()
    }

    /// Runs a commit. The lease cannot end while it runs. Blocks its thread.
    ///
    /// # Errors
    /// If the lease has ended: then nothing was run.
    pub fn commit<T>(&self, commit: impl FnOnce() -> T) -> Result<T, Revoked> {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_revoked() { Err(Revoked) } else { Ok(commit()) }
    }

    /// Waits for some work, and drops it if the lease ends first.
    ///
    /// # Errors
    /// If the lease has ended.
    pub async fn until_revoked<F: Future>(&self, work: F) -> Result<F::Output, Revoked> {
        tokio::select! {
            biased;
            () = self.revoked.cancelled() => Err(Revoked),
            output = work => Ok(output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_committed_or_awaited_after_the_end() {
        let lease = Lease::default();
        assert_eq!(lease.commit(|| 1), Ok(1));
        assert_eq!(lease.until_revoked(async { 2 }).await, Ok(2));
        let other = lease.clone();
        let (waited, ()) =
            tokio::join!(lease.until_revoked(std::future::pending::<()>()), async { other.revoke() });
        assert_eq!(waited, Err(Revoked));
        assert_eq!(lease.commit(|| -> () { panic!("committed") }), Err(Revoked));
        assert_eq!(lease.until_revoked(async { 3 }).await, Err(Revoked));
    }
}
