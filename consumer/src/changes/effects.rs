//! Everything that a batch of changes writes.

use std::collections::BTreeMap;

use sluice_schemas::rows::{ChangeRow, OrderContactRow, OrderStatusRow, RollupHourlyRow};
use uuid::Uuid;

use crate::event::hour_of;
use crate::owner::Owner;
use crate::sql::Value;

/// A contact to delete: all rows of the order up to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContactGone {
    pub order_id: Uuid,
    pub time_ms: i64,
    pub version: u32,
}

/// A row to change or delete. Id, time and version name the row that was seen, and no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowChange {
    pub id: Uuid,
    pub time_ms: i64,
    pub version: u32,
    /// The new values; `None` deletes the row.
    pub set: Option<BTreeMap<&'static str, Value>>,
}

/// The writes of a batch.
#[derive(Debug, Default)]
pub struct Effects {
    pub prospects: Vec<RowChange>,
    pub orders: Vec<RowChange>,
    pub contacts_gone: Vec<ContactGone>,
    pub contacts: Vec<OrderContactRow>,
    pub statuses: Vec<OrderStatusRow>,
    pub rollup: BTreeMap<(u32, u64, u64, u64), RollupHourlyRow>,
    pub changes: Vec<ChangeRow>,
}

impl Effects {
    pub(super) fn sums(&mut self, time_ms: i64, owner: Owner) -> &mut RollupHourlyRow {
        let (hour, Owner { user_id, team_id, campaign_id }) = (hour_of(time_ms), owner);
        let row = RollupHourlyRow::of(hour, user_id, team_id, campaign_id);
        self.rollup.entry((hour, user_id, team_id, campaign_id)).or_insert(row)
    }

    /// Checks in debug builds that the sums lose the rows that are deleted, and no others.
    pub(super) fn assert_conserved(&self) {
        if !cfg!(debug_assertions) {
            return;
        }
        let n_deleted = |rows: &[RowChange]| rows.iter().filter(|row| row.set.is_none()).count() as i64;
        let sum = |column: fn(&RollupHourlyRow) -> i64| self.rollup.values().map(column).sum::<i64>();
        assert_eq!(sum(|sums| sums.prospects), -n_deleted(&self.prospects), "prospects and their sums");
        assert_eq!(sum(|sums| sums.orders), -n_deleted(&self.orders), "orders and their sums");
    }
}
