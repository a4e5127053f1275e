//! The findings of a run as a table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::point::{Call, Point};
use super::scenario::Scenario;

/// A point after which something was wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The point, or a description of another step.
    pub point: String,
    /// The path of the call; empty for other steps.
    pub path: String,
    pub differences: Vec<String>,
}

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    pub seed: u64,
    /// The points of a batch by type of call and fault, including those that were not tested.
    pub available: BTreeMap<(Scenario, Call), usize>,
    /// The number of points at which the fault happened.
    pub n_fired: usize,
    /// Points that the batch did not reach.
    pub not_reached: Vec<Point>,
    /// The number of points that were left out because the time was up.
    pub n_left: usize,
    pub findings: Vec<Finding>,
}

impl Summary {
    /// Returns whether all requested points were tested and nothing was wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.n_left == 0 && self.n_fired > 0
    }

    /// Returns the table.
    #[must_use]
    pub fn to_table(&self) -> String {
        let mut table = format!("crash points of ClickHouse, seed {}\n\npoints of a batch\n", self.seed);
        for ((scenario, call), count) in &self.available {
            line(&mut table, format_args!("  {:<10}{:<8}{count:>6}", scenario.to_string(), call.as_str()));
        }
        let (n_fired, n_left, n_findings) = (self.n_fired, self.n_left, self.findings.len());
        let n_missed = self.not_reached.len();
        line(
            &mut table,
            format_args!("\ntried {n_fired}, not reached {n_missed}, left out for time {n_left}"),
        );
        line(&mut table, format_args!("points with findings: {n_findings}"));
        for Finding { point, path, differences } in &self.findings {
            line(&mut table, format_args!("  {point}  {path}"));
            for difference in differences {
                line(&mut table, format_args!("      {difference}"));
            }
        }
        table
    }
}

fn line(table: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(table, "{text}").expect("a string takes all");
}
