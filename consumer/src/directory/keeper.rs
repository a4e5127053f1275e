//! Keeps the directory current: asks Postgres for the newest version before each batch, reads the
//! new changes, and keeps them on disk. While Postgres is down, batches are resolved with the last
//! snapshot.
//!
//! One query for each batch is cheap, and it ensures that no event is resolved with a snapshot
//! older than itself. No notification can be missed (docs/adr/0006).

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Directory, Entry, Recent, file};
use crate::config::DirectoryConfig;
use crate::retry::Retriable;

/// The longest time to wait for Postgres. After it the last snapshot is used.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest time to read the new changes, or all of them.
const FULL_PATIENCE: Duration = Duration::from_secs(20);
/// A Postgres that kept a batch waiting is not asked again for this long.
const PAUSE: Duration = Duration::from_secs(5);
/// The whole log is read again this often.
const REFRESH_INTERVAL: Duration = Duration::from_secs(600);

/// A directory that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("the directory cannot be read: {0}")]
    Postgres(#[from] sqlx::Error),
    #[error("the directory does not answer in time")]
    TimedOut,
    #[error("the directory does not reach version {0}: was an older database put back?")]
    Behind(i64),
    #[error("the file of the directory: {0}")]
    File(#[from] io::Error),
}

impl Retriable for DirectoryError {
    /// Always: even a database that was put back to an older state may reach the version again.
    fn is_retriable(&self) -> bool {
        true
    }
}

/// Keeps the directory current. Cheap to clone.
#[derive(Clone)]
pub struct Keeper {
    pool: PgPool,
    file: Option<PathBuf>,
    held: Arc<Mutex<Held>>,
    stale: Counter,
}

#[derive(Default)]
struct Held {
    directory: Option<Arc<Directory>>,
    origin: Option<Uuid>,
    recent: Recent,
    /// When the whole log was last read from Postgres.
    refreshed: Option<Instant>,
    not_before: Option<Instant>,
    /// When the last question that was answered was asked.
    asked: Option<Instant>,
}

impl Keeper {
    /// Reads the file, and connects to nothing yet. `stale` counts the batches that are resolved
    /// with an older snapshot.
    ///
    /// # Errors
    /// If the address cannot be parsed, or the disk fails.
    pub fn open(config: &DirectoryConfig, stale: Counter) -> anyhow::Result<Self> {
        let options = config
            .postgres_url
            .expose()
            .parse::<PgConnectOptions>()?
            .application_name("sluice-consumer")
            .options([("statement_timeout", "30s")]);
        let pool =
            PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_lazy_with(options);
        let path = (!config.file.as_os_str().is_empty()).then(|| config.file.clone());
        let mut held = Held::default();
        if let Some(kept) = path.as_deref().map(file::read).transpose()?.flatten() {
            held.origin = Some(kept.origin);
            held.apply(&kept.entries, Directory::default());
        }
        Ok(Self { pool, file: path, held: Arc::new(Mutex::new(held)), stale })
    }

    /// Returns the newest directory, or the last that was read if Postgres is down.
    ///
    /// # Errors
    /// If Postgres is down and no directory was ever read.
    pub async fn current(&self) -> Result<Arc<Directory>, DirectoryError> {
        let came = Instant::now();
        let mut held = self.held.lock().await;
        // Another batch has asked while this one waited: that answer is as good.
        if let (Some(asked), Some(directory)) = (held.asked, &held.directory)
            && asked >= came
        {
            return Ok(Arc::clone(directory));
        }
        let asked = Instant::now();
        let refreshed = if held.not_before.is_some_and(|time| asked < time) {
            Err(DirectoryError::TimedOut)
        } else {
            let refreshed = timeout(FULL_PATIENCE, self.refresh(&mut held)).await;
            let refreshed = refreshed.unwrap_or(Err(DirectoryError::TimedOut));
            if refreshed.is_ok() {
                held.asked = Some(asked);
            } else if held.directory.is_some() {
                // The next try reads only the new changes.
                held.refreshed = held.refreshed.map(|_| Instant::now());
            }
            let was_slow = refreshed.is_err() && asked.elapsed() >= PATIENCE / 2;
            held.not_before = was_slow.then(|| Instant::now() + PAUSE);
            refreshed
        };
        match (refreshed, &held.directory) {
            (Ok(()), Some(directory)) => Ok(Arc::clone(directory)),
            (Err(error), Some(directory)) => {
                tracing::warn!(%error, version = directory.version, "resolving with the last directory");
                self.stale.inc();
                Ok(Arc::clone(directory))
            }
            (Err(error), None) => Err(error),
            (Ok(()), None) => Err(DirectoryError::TimedOut),
        }
    }

    /// Returns the directory of a version, for a batch that is computed again.
    ///
    /// # Errors
    /// If Postgres is down and this version is not in memory.
    pub async fn at(&self, version: i64) -> Result<Arc<Directory>, DirectoryError> {
        let held = self.held.lock().await;
        if let Some(directory) = held.directory.as_ref().filter(|directory| directory.version == version) {
            return Ok(Arc::clone(directory));
        }
        let mut directory = Directory::default();
        let reaches = |entries: &[Entry]| entries.last().is_some_and(|last| last.version >= version);
        let (entries, _) =
            match timeout(FULL_PATIENCE, self.read(0)).await.unwrap_or(Err(DirectoryError::TimedOut)) {
                Ok((entries, origin)) if reaches(&entries) || version == 0 => (entries, origin),
                Ok(_) => return Err(DirectoryError::Behind(version)),
                Err(error) => match self.file.as_deref().map(file::read).transpose()?.flatten() {
                    Some(kept) if reaches(&kept.entries) => (kept.entries, kept.origin),
                    _ => return Err(error),
                },
            };
        entries.iter().take_while(|entry| entry.version <= version).for_each(|entry| directory.apply(entry));
        directory.version = version;
        Ok(Arc::new(directory))
    }

    /// The keys and users that have changed after a version, as parked events name them; `None` if
    /// that is too long ago.
    pub async fn changed_since(&self, version: i64) -> Option<BTreeSet<String>> {
        self.held.lock().await.recent.since(version)
    }

    async fn refresh(&self, held: &mut Held) -> Result<(), DirectoryError> {
        let is_due = held.refreshed.is_none_or(|last| last.elapsed() >= REFRESH_INTERVAL);
        let version = held.directory.as_ref().map_or(0, |directory| directory.version);
        if !is_due {
            let (origin, newest) = self.ask().await?;
            // A database that was put back to an earlier state has another log.
            if held.origin == Some(origin) && newest == version {
                return Ok(());
            }
            if held.origin == Some(origin) && newest > version {
                let (entries, _) = self.read(version).await?;
                let directory = held.directory.as_deref().cloned().unwrap_or_default();
                held.apply(&entries, directory);
                self.keep(|path| file::append(path, &entries));
                return Ok(());
            }
        }
        let (entries, origin) = self.read(0).await?;
        held.origin = Some(origin);
        held.apply(&entries, Directory::default());
        held.refreshed = Some(Instant::now());
        self.keep(|path| file::replace(path, origin, &entries));
        Ok(())
    }

    /// Writes to the file. Errors are only logged: the file is needed only while Postgres is down.
    fn keep(&self, write: impl FnOnce(&std::path::Path) -> io::Result<()>) {
        if let Some(Err(error)) = self.file.as_deref().map(write) {
            tracing::error!(%error, "the directory cannot be kept on disk");
            // A file with a gap would be worse than none.
            if let Some(Err(error)) = self.file.as_deref().map(std::fs::remove_file) {
                tracing::debug!(%error, "there is no file of the directory");
            }
        }
    }

    /// The id of the database, and its newest version.
    async fn ask(&self) -> Result<(Uuid, i64), DirectoryError> {
        let asked = sqlx::query!(
            r#"SELECT origin, (SELECT coalesce(max(version), 0) FROM directory_log) AS "version!"
               FROM directory_origin"#
        )
        .fetch_one(&self.pool);
        let row = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| DirectoryError::TimedOut)??;
        Ok((row.origin, row.version))
    }

    /// All changes after a version, and the id of the database.
    async fn read(&self, version: i64) -> Result<(Vec<Entry>, Uuid), DirectoryError> {
        let (origin, _) = self.ask().await?;
        let entries = sqlx::query_as!(
            Entry,
            r#"SELECT version, entity, entity_id, subject_id, object_id, currency, from_ms, to_ms, is_gone,
                      coalesce(details::text, '') AS "details!"
               FROM directory_log WHERE version > $1 ORDER BY version"#,
            version
        )
        .fetch_all(&self.pool)
        .await?;
        Ok((entries, origin))
    }
}

impl Held {
    /// Applies changes to a directory, and holds it.
    fn apply(&mut self, entries: &[Entry], mut directory: Directory) {
        if directory.version == 0 {
            let newest = entries.last().map_or(0, |entry| entry.version);
            self.recent = Recent { since: newest, references: Vec::new() };
        }
        for entry in entries {
            directory.apply(entry);
            if entry.version > self.recent.since {
                self.recent.note(entry);
            }
        }
        self.directory = Some(Arc::new(directory));
    }
}
