//! The demo data in the whole pipeline: the past week and some traffic are stored once and look
//! realistic.

use std::time::Duration;

use nix::sys::signal::Signal;
use sluice_bench::child::binary;
use sluice_local::process::ProcessSpec;
use sluice_local::testing;

use crate::shared_servers::testbed;

const PATIENCE: Duration = Duration::from_secs(60);
const WEEK: i64 = 3000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_week_and_live_traffic_fill_the_tables() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let testbed = testbed("demo", 2, testing::people_database().await, folder.path()).await?;
    let (edge, consumer) = tokio::try_join!(testbed.edge(1), testbed.consumer(&[]))?;
    let program = binary("sluice-local", None).await?;
    let demo = |name: &str| {
        let log = folder.path().join(format!("{name}.log"));
        ProcessSpec::new(&program, log).args(["demo", name, "--users", "3,4,5"])
    };

    let week = WEEK.to_string();
    demo("backfill")
        .args(["--brokers", &testbed.brokers, "--topic", &testbed.topic, "--days", "7", "--visits", &week])
        .run()
        .await?;
    let store = &testbed.clickhouse;
    store.wait_for("SELECT count() FROM prospects", WEEK, PATIENCE).await?;
    // The ordinal of the lane is the last insert of a batch. Once it agrees, the orders and sums of
    // the last batch are stored too.
    let left = "SELECT toInt64(max(next_seq)) - 1 - toInt64((SELECT count() FROM prospects) + (SELECT count() FROM orders)) FROM lanes";
    store.wait_for(left, 0, PATIENCE).await?;
    for (what, sql, least, most) in [
        ("orders", "SELECT count() FROM orders", WEEK / 100, WEEK / 15),
        ("orders that wait", "SELECT count() FROM parked WHERE state = 'waiting'", 0, 0),
        ("rolled-up prospects", "SELECT sum(prospects) FROM rollup_hourly", WEEK, WEEK),
        ("days", "SELECT uniqExact(toDate(time)) FROM prospects", 7, 8),
        ("buyers", "SELECT uniqExact(user_id) FROM prospects WHERE user_id IN (3, 4, 5)", 3, 3),
        ("sources", "SELECT uniqExact(utm_source) FROM prospects", 7, 9),
        ("browsers", "SELECT uniqExact(browser) FROM prospects", 5, 40),
        ("bots", "SELECT count() FROM prospects WHERE bot != ''", WEEK / 50, WEEK / 10),
        ("countries", "SELECT uniqExact(country) FROM prospects", 18, 40),
        ("visits from nowhere", "SELECT count() FROM prospects WHERE country = ''", 0, WEEK / 100),
    ] {
        let found = store.number(sql).await?;
        assert!((least..=most).contains(&found), "{what}: {found} instead of {least} to {most}");
    }

    let traffic = demo("traffic").args(["--pace=1", &format!("--edge=http://{}", edge.proxied)]).spawn()?;
    store.wait_for("SELECT count() FROM prospects", WEEK + 3, PATIENCE).await?;
    assert!(
        traffic.stop(Signal::SIGTERM, PATIENCE).await.success(),
        "SIGTERM ends the traffic without an error"
    );
    assert!(edge.child.drain().await && consumer.drain().await, "SIGTERM ends both without an error");
    testbed.verify().await?;
    Ok(())
}
