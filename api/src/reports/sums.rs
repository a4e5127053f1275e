//! The rows that ClickHouse returns for a report.

use clickhouse::Row;
use serde::Deserialize;

/// Sums over the events of a group. Money is in millionths of the report's currency; each
/// `n_…_missing` counts amounts for which there is no rate, and which are not in the sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct SumsRow {
    pub n_prospects: u64,
    pub n_bots: u64,
    pub n_unique: u64,
    pub cost: i128,
    pub n_cost_missing: u64,
    pub n_orders: u64,
    pub n_hold: u64,
    pub n_sale: u64,
    pub n_rejected: u64,
    pub n_trash: u64,
    pub n_chargeback: u64,
    pub n_rebill: u64,
    pub revenue: i128,
    pub n_revenue_missing: u64,
    pub revenue_hold: i128,
    pub n_hold_missing: u64,
    /// Revenue on hold by the approve rate of each order's campaign, and by both ends of its
    /// interval.
    pub hold_expected: i128,
    pub hold_low: i128,
    pub hold_high: i128,
    /// Orders on hold for which there is no approve rate.
    pub n_expected_missing: u64,
}

impl SumsRow {
    /// Returns whether an amount has no rate.
    #[must_use]
    pub fn is_missing_a_rate(&self) -> bool {
        self.n_cost_missing + self.n_revenue_missing + self.n_hold_missing > 0
    }
}

/// The parts of a level: the rows before the page, a row of the page, the rows after it, and all
/// rows.
pub const BEFORE: u8 = 0;
pub const ROW: u8 = 1;
pub const OTHERS: u8 = 2;
pub const TOTAL: u8 = 3;

/// A row of a level, or the sums of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Deserialize)]
pub struct GroupRow {
    /// Number of the level, from 1.
    pub level: u8,
    pub section: u8,
    /// Place of a row among those of its level and parent, from 1.
    pub place: u64,
    /// The number of groups that have events now.
    pub n_rows: u64,
    /// Values of the group; empty from the level on.
    pub keys: Vec<String>,
    pub now: SumsRow,
    /// Sums of the range to compare with.
    pub then: SumsRow,
}
