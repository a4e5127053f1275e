//! The output of `sluice-api demo create`: people with their passwords, and campaigns with their
//! keys. The stack keeps it in `credentials.json`, where the demo's traffic reads it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// An account of the demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DemoUser {
    /// The id in the CRM.
    pub id: u64,
    pub username: String,
    /// The position (`Owner`, `Buyer`, …).
    pub position: String,
    /// False for a person who waits for approval.
    #[serde(default = "yes")]
    pub is_active: bool,
    /// The password; `None` if the account existed before.
    pub password: Option<String>,
}

/// A campaign of the demo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Campaign {
    pub id: u64,
    /// The tracking key.
    pub key: String,
    /// The buyer.
    pub user_id: u64,
    /// The name of the traffic source.
    pub source: Option<String>,
    /// The parameter with which the network adds its click id. Empty if it adds none.
    #[serde(default)]
    pub click_id_param: String,
    /// Macros of the network by parameter of the pixel.
    #[serde(default)]
    pub macros: BTreeMap<String, String>,
}

/// All accounts and campaigns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Credentials {
    pub users: Vec<DemoUser>,
    #[serde(default)]
    pub campaigns: Vec<Campaign>,
}

const fn yes() -> bool {
    true
}

impl Credentials {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing, or has another format.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} has another format", path.display()))
    }

    /// Returns the ids of the buyers who work.
    #[must_use]
    pub fn buyers(&self) -> Vec<u64> {
        let buyers = self.users.iter().filter(|user| user.position == "Buyer" && user.is_active);
        buyers.map(|user| user.id).collect()
    }

    /// Returns the usernames and passwords of the team leads.
    #[must_use]
    pub fn leads(&self) -> Vec<(String, String)> {
        let leads = self.users.iter().filter(|user| user.position == "Team Lead");
        leads.filter_map(|user| Some((user.username.clone(), user.password.clone()?))).collect()
    }
}
