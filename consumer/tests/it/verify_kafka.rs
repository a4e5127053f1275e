//! Rows that are lost come back from Kafka, as far as it still has their events.

use sluice_consumer::verify::range::TimeRange;
use sluice_consumer::verify::repair::Repaired;
use uuid::Uuid;

use crate::changes::{assert_no_difference, order_id};
use crate::damage::{forget, hours, mend, mend_by, run, stored_and_stopped, tables};
use crate::harness::{Lane, World};
use crate::tripwire::{Trip, Tripwire};

const PARKED: &str = "SELECT toString(tuple(*)) AS line FROM parked_log FINAL ORDER BY line";

async fn all(world: &World) -> Vec<String> {
    let mut all = tables(world).await;
    all.extend(world.texts(PARKED).await);
    all
}

/// The tables are as they were; only the lines that differ are shown.
async fn assert_as_before(world: &World, before: &[String], context: &str) {
    let found = all(world).await;
    let more: Vec<_> = found.iter().filter(|line| !before.contains(line)).collect();
    let fewer: Vec<_> = before.iter().filter(|line| !found.contains(line)).collect();
    assert!(found == before, "{context}: more {more:#?}, fewer {fewer:#?}");
}

/// No loss removes an edited order, because Kafka cannot restore it.
const LOSSES: [&[&str]; 7] = [
    &["TRUNCATE TABLE prospects"],
    &["TRUNCATE TABLE prospect_index"],
    &["ALTER TABLE orders DELETE WHERE version = 0"],
    &["TRUNCATE TABLE order_contacts"],
    &["TRUNCATE TABLE rollup_hourly"],
    &["ALTER TABLE parked_log DELETE WHERE event_id NOT IN (SELECT order_id FROM orders)"],
    &[
        "TRUNCATE TABLE prospects",
        "TRUNCATE TABLE prospect_index",
        "ALTER TABLE orders DELETE WHERE version = 0",
        "TRUNCATE TABLE order_contacts",
        "TRUNCATE TABLE rollup_hourly",
        "ALTER TABLE parked_log DELETE WHERE state = 'waiting' AND event_id NOT IN \
         (SELECT event_id FROM parked_log WHERE state = 'replayed')",
    ],
];

#[tokio::test]
async fn lost_rows_of_each_table_come_back_equal() {
    let world = stored_and_stopped().await;
    let before = all(&world).await;
    for losses in LOSSES {
        for loss in losses {
            run(&world, loss).await;
        }
        let damaged = all(&world).await;
        assert_ne!(damaged, before, "{losses:?}");
        let elsewhere = mend(&world, &hours(1, 2), false).await.unwrap();
        assert_eq!(elsewhere, Repaired::default(), "{losses:?}");
        let dry = mend(&world, &TimeRange::default(), true).await.unwrap();
        assert_as_before(&world, &damaged, losses[0]).await;

        let wet = mend(&world, &hours(0, 1), false).await.unwrap();
        assert_as_before(&world, &before, losses[0]).await;
        assert_eq!(dry.n_rows, wet.n_rows, "{losses:?}");
        assert_no_difference(&world).await;
        assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());
    }
    // A consumer goes on as if nothing had happened.
    let consumer = world.consume();
    stored_more(&world, 1).await;
    consumer.drain().await;
    assert_no_difference(&world).await;
}

/// A visit and its order by another edge.
async fn stored_more(world: &World, n: u64) {
    let n_before = world.one("SELECT count() FROM orders").await;
    send_more(world, n).await;
    world.wait_for("SELECT count() FROM orders", n_before + n).await;
}

async fn send_more(world: &World, n: u64) {
    let mut lane = Lane::new(0);
    for _ in 0..n {
        let prospect = Uuid::now_v7();
        lane.prospect(prospect, "user_id=4");
        lane.order(order_id(), &prospect.to_string());
    }
    lane.send(world, 10, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_is_cut_off_anywhere_is_made_again() {
    let world = stored_and_stopped().await;
    let before = all(&world).await;
    for trip in [Trip::BeforeInsert, Trip::AfterInsert] {
        // Prospects, contacts, orders, a parked order, the index, the sums.
        for n_inserts in 0..6 {
            for loss in LOSSES[6] {
                run(&world, loss).await;
            }
            let wire = Tripwire::start(&world.clickhouse.url, n_inserts, trip).await;
            let range = TimeRange::default();
            tokio::select! {
                repaired = mend_by(&world, &wire.url, &range, false) => panic!("{repaired:?}"),
                () = wire.tripped() => {}
            }
            mend(&world, &TimeRange::default(), false).await.unwrap();
            assert_as_before(&world, &before, &format!("{trip:?} {n_inserts}")).await;
        }
    }
}

#[tokio::test]
async fn events_that_were_not_stored_yet_are_left_to_the_consumer() {
    let world = stored_and_stopped().await;
    let before = all(&world).await;
    send_more(&world, 3).await;
    assert_eq!(mend(&world, &TimeRange::default(), false).await.unwrap(), Repaired::default());
    assert_as_before(&world, &before, "nothing is written").await;
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM orders", 9).await;
    consumer.drain().await;
    assert_no_difference(&world).await;
}

#[tokio::test]
async fn what_kafka_no_longer_has_is_named() {
    let world = stored_and_stopped().await;
    let whole = mend(&world, &TimeRange::default(), true).await.unwrap();
    assert_eq!(whole.gone, [""; 0]);
    let before = world.one("SELECT count() FROM prospects").await;
    run(&world, "TRUNCATE TABLE prospects").await;
    // The first record has the parked orders, the second ten events.
    forget(&world, &world.topic, 2).await;
    let repaired = mend(&world, &TimeRange::default(), false).await.unwrap();
    let [gone] = &repaired.gone[..] else { panic!("{repaired:?}") };
    let start = format!("{}/0: Kafka has only records since 20", world.topic);
    assert!(gone.starts_with(&start) && gone.ends_with("what was lost before cannot come back"), "{gone}");
    let n = world.one("SELECT count() FROM prospects").await;
    assert!(0 < n && n < before, "{n} of {before}");

    forget(&world, &world.topic, 3).await;
    let repaired = mend(&world, &hours(0, 1), false).await.unwrap();
    assert!(repaired.gone[0].contains("Kafka has nothing of what was stored"), "{repaired:?}");
}
