//! Work that keeps a processor busy: a bounded number at a time, in threads of its own, so that the rest goes on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// How long one waits for a turn before being told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// So many at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns {
    free: Arc<Semaphore>,
    what: &'static str,
}

impl Turns {
    /// `what` names the work to who is told that there is too much of it.
    #[must_use]
    pub fn new(at_a_time: usize, what: &'static str) -> Self {
        Self { free: Arc::new(Semaphore::new(at_a_time)), what }
    }

    /// Does the work when its turn comes.
    ///
    /// # Errors
    /// 503 when too many are waiting.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| ApiError::unavailable(self.what))?
            .map_err(|error| ApiError::internal(&error))?;
        // The permit goes into the thread: a client that leaves does not free it before the work is done.
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| ApiError::internal(&error))
    }
}
