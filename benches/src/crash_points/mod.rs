//! Crash points: ClickHouse is killed, or one of its calls fails, at every write, rename, unlink
//! and fsync of a batch; then the consumer finishes, and what is stored is compared with what was
//! sent.
//!
//! A [`scenario`] is a kind of batch. Its first rounds run without a fault. A shim in ClickHouse's
//! process (`shim.c`) lists the calls of the last of these rounds: they are the [`point`]s. Each
//! point is then tried by a round of its own: arm the shim, send the batch, start ClickHouse again
//! if it died, wait for the consumer's commit, compare what is stored with what was sent
//! (`ledger.rs`). Some kills also end the consumer, so that the batch is repeated from its plan. At
//! the end ClickHouse is started again and all rounds are compared once more.
//!
//! Left out: calls of merges, calls outside of the tables' folders (a batch makes none), writes
//! that fail (see [`point::Wanted::failed_writes`]) unless asked for, and power failures. A lost
//! verdict is only noticed when its batch is repeated as well.

mod ledger;
pub mod point;
pub mod report;
mod round;
mod runner;
pub mod scenario;
pub mod shim;
mod world;

use std::time::Duration;

use self::point::{Point, Wanted};
use self::report::Summary;
use self::runner::Runner;
use self::scenario::Scenario;
use self::shim::Shim;
use crate::way::PrivateServers;

/// What to try.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub scenarios: Vec<Scenario>,
    pub wanted: Wanted,
    /// These points are never left out by the sample.
    pub always: fn(&Point) -> bool,
    /// So many of the other points of each scenario; all when absent.
    pub sample: Option<usize>,
    /// After this time no further point is begun.
    pub time: Duration,
}

/// Tries the points of a plan, and tells of each by `note`.
///
/// # Errors
/// When servers do not start, a batch is wrong without a fault, or the consumer does not finish any
/// more.
pub async fn run(plan: &Plan, note: impl Fn(&str)) -> anyhow::Result<Summary> {
    let mut shim = None;
    note("starting postgres, kafka and clickhouse");
    let servers = PrivateServers::start_with(async |folder, data| {
        let (built, environment) = Shim::build(folder, data).await?;
        shim = Some(built);
        Ok(environment)
    })
    .await?;
    let shim = shim.expect("the servers were prepared");
    let mut runner = Runner::new(servers, shim, plan.seed);
    for scenario in &plan.scenarios {
        if let Err(error) = runner.scenario(plan, *scenario, &note).await {
            // What was found before is worth more than why the rest was not looked at.
            note(&runner.summary.to_table());
            return Err(error);
        }
    }
    Ok(runner.summary)
}
