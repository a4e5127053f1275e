//! Values that hold for a period of time.

use smallvec::SmallVec;

/// One row of a table with periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Period<T> {
    pub(super) row_id: u64,
    pub(super) holds: T,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl<T> Period<T> {
    /// The same period with another value.
    pub(super) fn with<U>(self, holds: U) -> Period<U> {
        Period { row_id: self.row_id, holds, from_ms: self.from_ms, to_ms: self.to_ms }
    }
}

/// The periods of one thing. Most have one or two, which need no allocation.
pub(super) type Periods<T> = SmallVec<[Period<T>; 2]>;

/// Replaces a row, or removes it.
pub(super) fn set<T>(periods: &mut Periods<T>, period: Period<T>, is_gone: bool) {
    periods.retain(|known| known.row_id != period.row_id);
    if !is_gone {
        periods.push(period);
    }
}

/// The value at a moment. A constraint of the database keeps periods from overlapping.
pub(super) fn at<T>(periods: &[Period<T>], time_ms: i64) -> Option<&T> {
    // The present one is the last in nearly all cases.
    let found = periods.iter().rev().find(|period| (period.from_ms..period.to_ms).contains(&time_ms));
    found.map(|period| &period.holds)
}
