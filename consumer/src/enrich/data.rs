//! The files of the data sets, and their versions.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::Config;

/// The files of the data sets. An empty path means the data set that comes with the program, and
/// for countries none.
#[derive(Debug, Clone, Default)]
pub struct DataFiles {
    pub agents: PathBuf,
    pub crawlers: PathBuf,
    pub countries: PathBuf,
}

impl DataFiles {
    /// Returns the files that the configuration names.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            agents: config.agents.rules.clone(),
            crawlers: config.agents.crawlers.clone(),
            countries: config.geo.database.clone(),
        }
    }
}

/// A data set that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct DataError {
    /// The key of the configuration that names the file.
    pub key: &'static str,
    pub(super) reason: String,
}

/// The version and the age of a data set. Both are in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Edition {
    pub version: String,
    /// When it was made (Unix seconds).
    pub built_s: u64,
}

/// The versions of all loaded data sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Editions {
    pub agents: Edition,
    pub crawlers: Edition,
    /// `None` without a file.
    pub countries: Option<Edition>,
}

impl fmt::Display for Editions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agents {}, crawlers {}", self.agents.version, self.crawlers.version)?;
        self.countries.as_ref().map_or(Ok(()), |countries| write!(f, ", countries {}", countries.version))
    }
}
