//! `kill -9` of ingest and consumer at random times under load. The seed of the victims and pauses
//! is printed; `SLUICE_FAULT_SEED` repeats it.

use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use sluice_local::testing;

use crate::client::Clients;
use crate::ledger;
use crate::shared_servers::testbed;

/// The partitions of a killed consumer are free again after this time instead of six seconds, so
/// more of the kills hit a working consumer.
const SESSION: [(&str, &str); 1] = [("SLUICE__KAFKA__SESSION_TIMEOUT_MS", "2000")];
const TIME_UNDER_FIRE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_arrives_once_though_ingest_and_consumer_are_killed() -> anyhow::Result<()> {
    let seed = seed();
    let mut rng = SmallRng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let testbed = testbed("restarts", 2, testing::people_database().await, folder.path()).await?;
    let (mut edge, mut consumer) = tokio::try_join!(testbed.edge(2), testbed.consumer(&SESSION))?;

    let clients = Clients::start(edge.proxied);
    let begin = Instant::now();
    let (mut n_edge, mut n_consumer) = (0, 0);
    while begin.elapsed() < TIME_UNDER_FIRE || n_edge == 0 || n_consumer == 0 {
        tokio::time::sleep(Duration::from_millis(rng.random_range(300..3000))).await;
        let victims = rng.random_range(0..3);
        if victims != 0 {
            edge.child.crash()?;
            n_edge += 1;
        }
        if victims != 1 {
            consumer.crash()?;
            n_consumer += 1;
        }
        // Sometimes the next kill comes while they are still starting.
        if rng.random_bool(0.7) {
            tokio::try_join!(edge.child.wait_ready(), consumer.wait_ready())?;
        }
    }
    tokio::try_join!(edge.child.wait_ready(), consumer.wait_ready())?;
    eprintln!("killed: ingest {n_edge} times, consumer {n_consumer} times");
    let record = clients.stop();
    assert!(record.acknowledged_pixels.len() > 1000, "the clients sent too little: {record:?}");
    ledger::check(&testbed, &record).await?;
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both without an error");
    Ok(())
}

/// Two consumers with one instance id, as after a mistake in a deployment. The later one takes
/// over, the earlier one ends and reports the reason, and nothing is stored twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_consumers_with_one_instance_id_the_first_ends_and_says_why() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let testbed = testbed("restarts", 2, testing::people_database().await, folder.path()).await?;
    let named = [("SLUICE__KAFKA__INSTANCE_ID", "one"), ("SLUICE__DIRECTORY__FILE", "")];
    let (edge, first) = tokio::try_join!(testbed.edge(2), testbed.consumer(&named))?;
    let clients = Clients::start(edge.proxied);
    testbed.clickhouse.wait_for("SELECT count() FROM prospects", 200, Duration::from_secs(30)).await?;
    let second = testbed.consumer(&named).await?;
    let status = tokio::time::timeout(Duration::from_secs(20), first.ended()).await?;
    assert!(!status.success(), "{status}");
    let log = std::fs::read_to_string(first.log())?;
    assert!(log.contains("another consumer has the same kafka.instance_id"), "{log}");
    let before = testbed.clickhouse.number("SELECT count() FROM prospects").await?;
    testbed
        .clickhouse
        .wait_for("SELECT count() FROM prospects", before + 200, Duration::from_secs(30))
        .await?;
    ledger::check(&testbed, &clients.stop()).await?;
    assert!(edge.child.drain().await && second.drain().await, "SIGTERM ends both without an error");
    Ok(())
}

/// Returns the seed of a fault run and prints it.
pub(crate) fn seed() -> u64 {
    let seed = setting("SLUICE_FAULT_SEED").unwrap_or_else(|| rand::rng().random());
    eprintln!("SLUICE_FAULT_SEED={seed}");
    seed
}

/// Returns the value of an environment variable that changes a fault run.
pub(crate) fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
