//! ClickHouse is killed, or its disk refuses a call, at the renames of a batch and at a sample of
//! its other calls. Nothing may be lost or duplicated. The seed of the sample is printed;
//! `SLUICE_FAULT_SEED` repeats it. `sluice-bench crash-points` tests all calls.

use std::time::{Duration, Instant};

use sluice_bench::crash_points::point::{Action, Call, Point, PointFilter};
use sluice_bench::crash_points::scenario::Scenario;
use sluice_bench::crash_points::{Plan, run};

use crate::restarts::seed;

/// Points per kind of batch, in addition to those that are always tested.
const SAMPLE: usize = 6;

/// The renames of a batch of events are always tested: each makes a part visible.
fn is_always_tried(point: &Point) -> bool {
    point.scenario == Scenario::Events
        && point.call == Call::Rename
        && matches!(point.action, Action::Kill | Action::Enospc)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_is_stored_once_though_clickhouse_dies_or_fails_at_any_call() -> anyhow::Result<()> {
    let plan = Plan {
        seed: seed(),
        scenarios: Scenario::ALL.into(),
        filter: PointFilter::default(),
        always: is_always_tried,
        sample: Some(SAMPLE),
        skip: 0,
        time: Duration::from_secs(240),
    };
    let begin = Instant::now();
    let note = |text: &str| eprintln!("[{:5.1} s] {text}", begin.elapsed().as_secs_f64());
    let summary = run(&plan, note).await?;
    assert!(summary.is_clean(), "{}", summary.to_table());
    Ok(())
}
