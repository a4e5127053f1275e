//! A crash point: a call of a batch, the table in whose folder it is made, and the fault.
//!
//! Calls are numbered per type of call and folder of a table. A batch writes each table once, so a
//! number means the same call in every batch, even though the tables are written at the same time.

use std::collections::BTreeMap;
use std::fmt;

use clap::ValueEnum;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;

use super::scenario::Scenario;

/// A type of system call that changes a file or a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Call {
    /// rename, renameat, renameat2
    Rename,
    /// write, pwrite, writev
    Write,
    /// unlink, unlinkat, rmdir
    Unlink,
    /// fsync, fdatasync
    Fsync,
}

impl Call {
    /// All types.
    pub const ALL: [Self; 4] = [Self::Rename, Self::Write, Self::Unlink, Self::Fsync];

    /// Returns the name of the type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rename => "rename",
            Self::Write => "write",
            Self::Unlink => "unlink",
            Self::Fsync => "fsync",
        }
    }

    /// Returns the possible faults of such a call. Between two calls, only the answer to the client
    /// can be sent. So a kill after a call is a separate point only if the call may be the last one
    /// before the answer.
    const fn actions(self, with_failed_writes: bool) -> &'static [Action] {
        match self {
            Self::Rename => &[Action::Kill, Action::KillAfter, Action::Enospc, Action::Eio],
            Self::Write if with_failed_writes => &[Action::Kill, Action::Enospc, Action::Eio],
            Self::Write => &[Action::Kill],
            Self::Unlink | Self::Fsync => &[Action::Kill, Action::Eio],
        }
    }
}

/// A traced call: its type, and its path in the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traced {
    pub call: Call,
    pub path: String,
}

/// The fault at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Action {
    /// SIGKILL instead of the call
    Kill,
    /// SIGKILL when the call is made
    KillAfter,
    /// The call fails: no space is left
    Enospc,
    /// The call fails: an input or output error
    Eio,
}

impl Action {
    /// Returns whether the process ends.
    #[must_use]
    pub const fn is_kill(self) -> bool {
        matches!(self, Self::Kill | Self::KillAfter)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill at",
            Self::KillAfter => "kill after",
            Self::Enospc => "ENOSPC at",
            Self::Eio => "EIO at",
        }
    }
}

/// A crash point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    pub scenario: Scenario,
    pub table: String,
    pub call: Call,
    /// The number among the calls of this type in the folder of the table, starting at 1.
    pub number: u64,
    pub action: Action,
    /// The path of the call in the run without a fault, within the folder of the table.
    pub path: String,
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, table, call, number, action, .. } = self;
        write!(formatter, "{scenario}: {} {} {number} of {table}", action.as_str(), call.as_str())
    }
}

/// The requested points.
#[derive(Debug, Clone, Default)]
pub struct PointFilter {
    /// Types of calls; all if empty.
    pub calls: Vec<Call>,
    /// Faults; all if empty.
    pub actions: Vec<Action>,
    /// Whether writes also fail, in addition to kills. The engine of ClickHouse as a library (26.7)
    /// does not notice a failed write: it answers OK and shows a part with an empty file. No
    /// consumer can repair that.
    pub failed_writes: bool,
}

/// Returns the points of a batch from the trace of its calls, in the order of the calls. `tables`
/// maps the UUIDs of tables to their names.
#[must_use]
pub(super) fn points_of(
    scenario: Scenario,
    trace: &[Traced],
    tables: &BTreeMap<String, String>,
    filter: &PointFilter,
) -> Vec<Point> {
    let mut counts: BTreeMap<(String, Call), u64> = BTreeMap::new();
    let mut points = Vec::new();
    for Traced { call, path } in trace {
        let Some((table, path)) = within_table(path, tables) else { continue };
        let number = counts.entry((table.to_owned(), *call)).or_default();
        *number += 1;
        if !filter.calls.is_empty() && !filter.calls.contains(call) {
            continue;
        }
        for action in call.actions(filter.failed_writes) {
            if filter.actions.is_empty() || filter.actions.contains(action) {
                let (table, path) = (table.to_owned(), path.clone());
                points.push(Point { scenario, table, call: *call, number: *number, action: *action, path });
            }
        }
    }
    points
}

/// Returns the table to which a path belongs, and the path within its folder.
pub(super) fn within_table<'a>(
    path: &str,
    tables: &'a BTreeMap<String, String>,
) -> Option<(&'a str, String)> {
    let (uuid, table) = tables.iter().find(|(uuid, _)| path.contains(uuid.as_str()))?;
    let names =
        path.split(" -> ").map(|path| path.rsplit_once(&format!("{uuid}/")).map_or(path, |(_, name)| name));
    Some((table, names.collect::<Vec<_>>().join(" -> ")))
}

/// Keeps at most `n` points, in their order.
pub(super) fn sample(points: &mut Vec<Point>, n: usize, rng: &mut SmallRng) {
    let mut places: Vec<usize> = (0..points.len()).collect();
    places.shuffle(rng);
    places.truncate(n);
    places.sort_unstable();
    *points = places.into_iter().map(|place| points[place].clone()).collect();
}

/// Counts points by scenario and type of call.
#[must_use]
pub(super) fn count(points: &[Point]) -> BTreeMap<(Scenario, Call), usize> {
    let mut counts = BTreeMap::new();
    for point in points {
        *counts.entry((point.scenario, point.call)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_numbered_by_table_and_kind() {
        let tables =
            BTreeMap::from([("u-1".to_owned(), "orders".to_owned()), ("u-2".to_owned(), "lanes".to_owned())]);
        let calls = [
            (Call::Write, "store/u/u-1/tmp_insert_a/data.bin"),
            (Call::Write, "store/u/u-2/tmp_insert_b/data.bin"),
            (Call::Write, "metadata/x.sql"),
            (Call::Rename, "store/u/u-1/tmp_insert_a/ -> store/u/u-1/a/"),
            (Call::Write, "store/u/u-1/deduplication_logs/deduplication_log_1.txt"),
        ];
        let trace = calls.map(|(call, path)| Traced { call, path: path.to_owned() });
        let filter = PointFilter { actions: vec![Action::Kill], ..PointFilter::default() };
        let points = points_of(Scenario::Events, &trace, &tables, &filter);
        let texts: Vec<String> = points.iter().map(|point| format!("{point} ({})", point.path)).collect();
        assert_eq!(
            texts,
            [
                "events: kill at write 1 of orders (tmp_insert_a/data.bin)",
                "events: kill at write 1 of lanes (tmp_insert_b/data.bin)",
                "events: kill at rename 1 of orders (tmp_insert_a/ -> a/)",
                "events: kill at write 2 of orders (deduplication_logs/deduplication_log_1.txt)",
            ]
        );
    }
}
