//! Crash points. ClickHouse is killed, or one of its calls fails, at every write, rename, unlink
//! and fsync of a batch. Then the consumer finishes, and the stored events are compared with the
//! sent events.
//!
//! A [`scenario`] is a type of batch. Its first rounds run without a fault. A shim in the process
//! of ClickHouse (`shim.c`) lists the calls of the last of these rounds, which become the
//! [`point`]s. Then each point is tested in a separate round: arm the shim, send the batch, restart
//! ClickHouse if it died, wait for the commit of the consumer, compare (`ledger.rs`). Some kills
//! also end the consumer, so that the batch is repeated from its plan. At the end, ClickHouse is
//! restarted and all rounds are compared once more.
//!
//! Not tested: calls of merges, calls outside the folders of the tables (a batch makes none),
//! failing writes unless requested (see [`point::PointFilter::failed_writes`]), and power failures.
//! A lost verdict is noticed only if its batch is also repeated.

mod ledger;
pub mod point;
pub mod report;
mod round;
mod runner;
pub mod scenario;
pub mod shim;
mod world;

use std::time::Duration;

use self::point::{Point, PointFilter};
use self::report::Summary;
use self::runner::Runner;
use self::scenario::Scenario;
use self::shim::Shim;

/// The points to test.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub scenarios: Vec<Scenario>,
    pub filter: PointFilter,
    /// The sample always includes these points.
    pub always: fn(&Point) -> bool,
    /// The number of other points to test in each scenario; all if absent.
    pub sample: Option<usize>,
    /// The first points of each scenario that are left out.
    pub skip: usize,
    /// No new point is started after this time.
    pub time: Duration,
}

/// Tests the points of a plan. Calls `note` for each of them.
///
/// # Errors
/// When servers do not start, a batch is wrong without a fault, or the consumer no longer finishes.
pub async fn run(plan: &Plan, note: impl Fn(&str)) -> anyhow::Result<Summary> {
    note("starting PostgreSQL, Kafka and ClickHouse");
    let (servers, shim) = Shim::start_servers().await?;
    let mut runner = Runner::new(servers, shim, plan.seed);
    for scenario in &plan.scenarios {
        if let Err(error) = runner.scenario(plan, *scenario, &note).await {
            // The earlier findings are more important than the reason why the run stopped.
            note(&runner.summary.to_table());
            return Err(error);
        }
    }
    Ok(runner.summary)
}
