//! Concurrent statements, clients that disappear, and a server that is killed.

use std::time::{Duration, Instant};

use sluice_local::ports::free_port;
use sluice_local::servers::clickhouse::ClickHouseConfig;
use sluice_local::testing;

use super::{Target, is_server};

const SLOW: &str = "SELECT sum(sleepEachRow(0.1)) FROM numbers(200) \
    SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 100000000";

#[tokio::test]
async fn a_slow_report_holds_up_nobody_and_ends_with_its_client() {
    let target = Target::new().await;
    let marker = testing::unique_name("marker");
    let sql = format!("{SLOW} /* {marker} */");
    let running = target.request(&[]).body(sql).timeout(Duration::from_secs(2)).send();
    let looked_for = format!(
        "SELECT count() FROM system.processes WHERE query LIKE '%{marker}%' AND query NOT LIKE '%processes%'"
    );
    let meanwhile = async {
        while target.run(&looked_for).await == "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let began = Instant::now();
        for _ in 0..20 {
            target.run("SELECT 1").await;
        }
        began.elapsed()
    };
    let (given_up, took) = tokio::join!(running, meanwhile);
    assert!(given_up.is_err());
    assert!(took < Duration::from_secs(2), "twenty small statements took {took:?} beside a slow one");
    let deadline = Instant::now() + Duration::from_secs(10);
    while target.run(&looked_for).await != "0" {
        assert!(Instant::now() < deadline, "the statement of a client that went away still runs");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn what_was_stored_survives_a_kill() {
    if is_server() {
        return;
    }
    let folder = testing::folder("clickhouse");
    let config = ClickHouseConfig {
        folder: folder.clone(),
        log: folder.join("clickhouse.log"),
        port: free_port(),
        user: "sluice".into(),
        password: "a&b<c".into(),
    };
    let first = config.start().await.unwrap();
    let table = "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 9";
    config.query(table).await.unwrap();
    let insert = "INSERT INTO t SETTINGS insert_deduplication_token = 'x' SELECT number FROM numbers(1000)";
    config.query(insert).await.unwrap();
    first.kill_now();
    let second = config.start().await.unwrap();
    assert_eq!(config.query("SELECT count() FROM t").await.unwrap(), "1000\n");
    config.query(insert).await.unwrap();
    assert_eq!(config.query("SELECT count() FROM t").await.unwrap(), "1000\n", "the token is forgotten");
    let status = second.stop(nix::sys::signal::Signal::SIGTERM, Duration::from_secs(10)).await;
    assert!(status.success(), "{status}");
    std::fs::remove_dir_all(folder).unwrap();
}
