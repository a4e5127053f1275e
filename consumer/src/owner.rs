//! The owner of an event, and everything that an order inherits from its prospect.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::enrich::Dimensions;

/// Buyer, team and campaign of an event. 0 means none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub user_id: u64,
    pub team_id: u64,
    pub campaign_id: u64,
}

/// The facts that an order inherits from its prospect. Verdicts store them. In verdicts of older
/// versions the dimensions are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    #[serde(flatten)]
    pub owner: Owner,
    #[serde(flatten)]
    pub dimensions: Dimensions,
}

/// The prospects that are known, with the facts that their orders inherit.
pub type Known = BTreeMap<Uuid, Inherited>;
