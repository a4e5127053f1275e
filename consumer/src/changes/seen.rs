//! The rows that a batch of changes refers to. They are read before it writes anything, and stored
//! as its verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sluice_schemas::change::{Act, Change, Entity};
use sluice_schemas::contact;
use uuid::Uuid;

use crate::owner::Owner;

/// The fields of a prospect from which its orders inherit: owner, country, and the facts of the
/// user agent.
const INHERITED: [&str; 3] = ["user_id", "ip", "user_agent"];

/// The rows to look for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RowsToRead {
    pub prospects: BTreeSet<Uuid>,
    pub orders: BTreeSet<Uuid>,
    pub changes: BTreeSet<Uuid>,
    /// The changes of fields that orders inherit, with their prospects, whose orders are looked
    /// for.
    pub origin_edits: BTreeMap<Uuid, Uuid>,
    /// Orders that are deleted or erased: they may still wait for their prospect.
    pub ends: BTreeMap<Uuid, End>,
    /// Whether rows are deleted: prospects or orders, or contacts of orders that are erased or
    /// edited.
    pub deletes_rows: bool,
}

/// The end of an order by a change. An order that is both erased and deleted is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Erase,
    Delete,
}

impl End {
    const fn of(act: Act) -> Option<Self> {
        match act {
            Act::Erase => Some(Self::Erase),
            Act::Delete => Some(Self::Delete),
            Act::Update | Act::Unspecified => None,
        }
    }
}

impl RowsToRead {
    /// The rows that these changes refer to.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut wanted = Self::default();
        for change in changes {
            wanted.changes.insert(change.change_id());
            match change.entity() {
                Entity::Order => {
                    wanted.orders.insert(change.target());
                    wanted.deletes_rows |= contact::FIELDS.iter().any(|name| change.field(name).is_some());
                    if let Some(end) = End::of(change.act()) {
                        wanted.deletes_rows = true;
                        let known = wanted.ends.entry(change.target()).or_insert(end);
                        *known = end.max(*known);
                    }
                }
                Entity::Prospect => {
                    wanted.prospects.insert(change.target());
                    wanted.deletes_rows |= change.act() == Act::Delete;
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

/// A prospect before the batch. An id with two visits has two of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenProspect {
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub owner: Owner,
    pub is_bot: bool,
    pub version: u32,
}

/// An order before the batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenOrder {
    pub order_id: Uuid,
    pub prospect_id: Uuid,
    pub time_ms: i64,
    pub owner: Owner,
    pub status: String,
    /// `None` in old verdicts.
    #[serde(default)]
    pub currency: Option<String>,
    pub version: u32,
}

/// The rows that were found: the verdict of a batch of changes. It has ids, owners and statuses,
/// and no personal data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub prospects: Vec<SeenProspect>,
    pub orders: Vec<SeenOrder>,
    /// Orders that are not stored: they wait, or were deleted while they waited.
    #[serde(default)]
    pub parked: BTreeSet<Uuid>,
    /// Changes that were applied before.
    #[serde(default)]
    pub done: BTreeSet<Uuid>,
}
