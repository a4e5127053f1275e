//! The owners of demo visits: campaigns with tracking keys, or only buyers.

use std::path::PathBuf;

use super::credentials::Credentials;
use super::visits::Visits;

/// The owners of the visits.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Owners {
    /// Ids of buyers; the visits carry no tracking key
    #[arg(long, value_delimiter = ',')]
    pub users: Vec<u64>,
    /// File with the output of `sluice-api demo create`; the visits carry the keys of its campaigns
    #[arg(long)]
    pub campaigns: Option<PathBuf>,
}

impl Owners {
    /// Returns endless visits of these owners.
    ///
    /// # Errors
    /// When the file cannot be read, or has neither campaigns nor buyers.
    pub(super) fn visits(&self, seed: u64) -> anyhow::Result<Visits> {
        let Some(path) = &self.campaigns else { return Ok(Visits::new(&self.users, seed)) };
        let credentials = Credentials::read(path)?;
        if !credentials.campaigns.is_empty() {
            return Ok(Visits::of_campaigns(&credentials.campaigns, seed));
        }
        let buyers = credentials.buyers();
        anyhow::ensure!(!buyers.is_empty(), "{} has neither campaigns nor buyers", path.display());
        Ok(Visits::new(&buyers, seed))
    }

    /// Returns the logins of the team leads in the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn leads(&self) -> anyhow::Result<Vec<(String, String)>> {
        self.campaigns.as_deref().map_or(Ok(Vec::new()), |path| Ok(Credentials::read(path)?.leads()))
    }
}
