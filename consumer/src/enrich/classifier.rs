//! The newest [`Enricher`]: a data file that changes is loaded again without a restart. A batch
//! takes one enricher and keeps it, so that its orders have the dimensions of its prospects.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::enrich::Enricher;
use crate::enrich::data::{DataError, DataFiles, Edition};
use crate::metrics::Metrics;

/// The files are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Holds the newest enricher. Cheap to clone.
#[derive(Clone)]
pub struct Classifier {
    held: Arc<RwLock<Arc<Enricher>>>,
    files: Arc<DataFiles>,
    /// The files when they were last loaded.
    seen: Arc<Mutex<Stamps>>,
}

/// Size and time of each file.
type Stamps = [Option<(u64, SystemTime)>; 3];

impl Classifier {
    /// Loads the data sets.
    ///
    /// # Errors
    /// If a file cannot be read, or is not such a data set.
    pub fn open(files: DataFiles) -> Result<Self, DataError> {
        // Before they are read: a change in between is seen later.
        let seen = stamps(&files);
        let enricher = Enricher::load(&files)?;
        Ok(Self {
            held: Arc::new(RwLock::new(Arc::new(enricher))),
            files: Arc::new(files),
            seen: Arc::new(Mutex::new(seen)),
        })
    }

    /// Returns the newest enricher.
    #[must_use]
    pub fn current(&self) -> Arc<Enricher> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads the files again if one of them has changed, and returns whether it did. Blocks.
    ///
    /// # Errors
    /// If a file cannot be used. The enricher stays, and the next call tries again.
    pub fn reload_if_changed(&self) -> Result<bool, DataError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.files);
        if *seen == now {
            return Ok(false);
        }
        let enricher = Arc::new(Enricher::load(&self.files)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = enricher;
        *seen = now;
        Ok(true)
    }

    /// Looks at the files until the service drains.
    pub async fn watch(self, metrics: Metrics, draining: CancellationToken) {
        self.note(&metrics);
        loop {
            tokio::select! {
                () = draining.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let classifier = self.clone();
            // Reading and compiling takes tens of milliseconds.
            match tokio::task::spawn_blocking(move || classifier.reload_if_changed()).await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => self.note(&metrics),
                Ok(Err(error)) => {
                    metrics.data.refused.inc();
                    tracing::error!(key = error.key, %error, "a changed data file cannot be used; keeping the last");
                }
                Err(error) => tracing::error!(%error, "the task that loads data files has crashed"),
            }
        }
    }

    /// Says in the log and the metrics which data sets are in use.
    fn note(&self, metrics: &Metrics) {
        let enricher = self.current();
        let editions = enricher.editions();
        tracing::info!(%editions, "visitors are classified by these data sets");
        let built = |edition: &Edition| i64::try_from(edition.built_s).unwrap_or_default();
        metrics.data.agents_built.set(built(&editions.agents));
        metrics.data.crawlers_built.set(built(&editions.crawlers));
        metrics.data.countries_built.set(editions.countries.as_ref().map_or(0, built));
    }
}

fn stamps(files: &DataFiles) -> Stamps {
    let stamp = |file: &Path| {
        let metadata = std::fs::metadata(file).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    [stamp(&files.agents), stamp(&files.crawlers), stamp(&files.countries)]
}
