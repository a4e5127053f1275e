//! What a batch of changes asks before it writes anything, and what it finds: settled as its verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sluice_schemas::change::{Act, Change, Entity};
use sluice_schemas::contact;
use uuid::Uuid;

use crate::rows::Owner;

/// The fields of a prospect that its orders have something of: whose it is, its country, and what its user agent says.
const INHERITED: [&str; 3] = ["user_id", "ip", "user_agent"];

/// The orders and prospects that changes name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub prospects: BTreeSet<Uuid>,
    pub orders: BTreeSet<Uuid>,
    pub changes: BTreeSet<Uuid>,
    /// Changes of what orders take from their prospect, with the prospects, whose orders are looked for.
    pub origin_edits: BTreeMap<Uuid, Uuid>,
    /// Orders that are deleted (true) or erased: they may still wait for their prospect.
    pub ends: BTreeMap<Uuid, bool>,
    /// Whether rows go: deleted ones, or the contacts of orders that are erased or edited.
    pub do_rows_go: bool,
}

impl Wanted {
    /// What these changes need to know.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut wanted = Self::default();
        for change in changes {
            wanted.changes.insert(change.change_id());
            match change.entity() {
                Entity::Order => {
                    wanted.orders.insert(change.target());
                    wanted.do_rows_go |= contact::FIELDS.iter().any(|name| change.field(name).is_some());
                    if matches!(change.act(), Act::Delete | Act::Erase) {
                        wanted.do_rows_go = true;
                        *wanted.ends.entry(change.target()).or_default() |= change.act() == Act::Delete;
                    }
                }
                Entity::Prospect => {
                    wanted.prospects.insert(change.target());
                    wanted.do_rows_go |= change.act() == Act::Delete;
                    if INHERITED.iter().any(|name| change.field(name).is_some()) {
                        wanted.origin_edits.insert(change.change_id(), change.target());
                    }
                }
                Entity::Unspecified => {}
            }
        }
        wanted
    }
}

/// A prospect as it was before the batch. An id that came twice has two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenProspect {
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub owner: Owner,
    pub is_bot: bool,
    pub version: u32,
}

/// An order as it was before the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenOrder {
    pub order_id: Uuid,
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub owner: Owner,
    pub status: String,
    /// `None` in a verdict of before it was asked for.
    #[serde(default)]
    pub currency: Option<String>,
    pub version: u32,
}

/// Everything that a batch found: settled before anything is written. Nobody's data, only ids, owners and statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub prospects: Vec<SeenProspect>,
    pub orders: Vec<SeenOrder>,
    /// Orders that never came to be stored: they wait, or were deleted while they did.
    #[serde(default)]
    pub parked: BTreeSet<Uuid>,
    /// Changes that were taken before.
    #[serde(default)]
    pub done: BTreeSet<Uuid>,
}
