//! ClickHouse dies at a rename, or its disk refuses one, repeatedly under load: between the token
//! of an insert and its part. `SLUICE_FAULT_ROUNDS` sets how often each of them happens. The seed
//! of the renames is printed; `SLUICE_FAULT_SEED` repeats it.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use sluice_bench::crash_points::point::{Action, Call};
use sluice_bench::crash_points::shim::Shim;

use crate::client::Clients;
use crate::ledger;
use crate::restarts::{seed, setting};

/// The number of each fault in a short run.
const ROUNDS: u32 = 3;
/// A batch with orders and parked events makes about ten parts. The next batch follows within a
/// second.
const RENAMES: std::ops::RangeInclusive<u64> = 1..=20;
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_that_kills_clickhouse_or_fails_under_load_loses_nothing() -> anyhow::Result<()> {
    let mut rng = SmallRng::seed_from_u64(seed());
    let (mut servers, shim) = Shim::start_servers().await?;
    let testbed = servers.testbed("renames", 2).await?;
    let (edge, consumer) = tokio::try_join!(testbed.edge(2), testbed.consumer(&[]))?;
    let clients = Clients::start(edge.proxied);
    for round in 0..setting("SLUICE_FAULT_ROUNDS").unwrap_or(ROUNDS) * 2 {
        let action = if round % 2 == 0 { Action::Kill } else { Action::Enospc };
        let number = rng.random_range(RENAMES);
        shim.arm(Call::Rename, number, action, "/tmp_insert_")?;
        let began = Instant::now();
        let path = loop {
            if let Some(path) = shim.fired_at()? {
                break path;
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "there was no rename {number}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        eprintln!("{action:?} at rename {number}: {path}");
        if action.is_kill() {
            servers.crash_clickhouse(Duration::ZERO).await?;
        }
    }
    shim.disarm()?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    ledger::check_all(&testbed, clients).await?;
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both without an error");
    Ok(())
}
