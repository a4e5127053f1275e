//! Runs CPU-bound work in threads of its own, a limited number at a time, so that other requests
//! are not blocked.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// The longest wait for a free place.
const PATIENCE: Duration = Duration::from_secs(5);

/// A limited number of places. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlockingPool {
    free: Arc<Semaphore>,
    what: &'static str,
}

impl BlockingPool {
    /// `what` names the work in the error when all places stay taken.
    #[must_use]
    pub fn new(n_places: usize, what: &'static str) -> Self {
        Self { free: Arc::new(Semaphore::new(n_places)), what }
    }

    /// Waits for a free place and runs the work.
    ///
    /// # Errors
    /// 503 when no place becomes free in time.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| ApiError::unavailable(self.what))?
            .map_err(|error| ApiError::internal(&error))?;
        // The thread keeps the permit. A client that disconnects does not free it before the work
        // ends.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|error| ApiError::internal(&error))
    }
}
