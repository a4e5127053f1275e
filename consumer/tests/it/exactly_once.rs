//! The consumer is stopped at any point, again and again. Every event is in the tables once, and
//! the roll-up agrees.

use std::time::Duration;

use uuid::Uuid;

use crate::harness::{Lane, World};
use crate::tripwire::{Trip, Tripwire};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_is_stopped_anywhere_counts_every_event_once() {
    let world = World::new(2).await;
    let mut lanes = [Lane::new(0), Lane::new(1), Lane::new(1)];
    let (mut n_prospects, mut n_orders) = (0, 0);
    for round in 0..10_u64 {
        let consumer = world.consume();
        for index in 0..lanes.len() {
            for _ in 0..40 {
                let prospect = Uuid::now_v7();
                lanes[index]
                    .prospect(prospect, &format!("user_id={}&sub1={n_prospects}", n_prospects % 5 + 1));
                n_prospects += 1;
                if n_prospects % 4 == 0 {
                    // In another lane, so that it may come before its prospect.
                    lanes[(index + 1) % 3].order(Uuid::now_v7(), &prospect.to_string());
                    n_orders += 1;
                }
            }
        }
        for lane in &mut lanes {
            lane.send(&world, 13, (round % 4) as usize).await;
        }
        // Each round has another length, so that rounds end in all steps.
        tokio::time::sleep(Duration::from_millis(30 + round * 37 % 400)).await;
        drop(consumer);
    }
    let consumer = world.consume();
    world.wait_for("SELECT uniqExact(prospect_id) FROM prospects", n_prospects).await;
    world.wait_for("SELECT uniqExact(order_id) FROM orders", n_orders).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 0).await;
    consumer.drain().await;

    assert_once(&world, n_prospects, n_orders).await;
}

/// Each round ends after another step of the protocol. The consumer is gone, and the next one
/// continues.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_dies_at_any_step_counts_every_event_once() {
    die_at_every_step(World::new(2).await).await;
}

pub(crate) async fn die_at_every_step(world: World) {
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let (mut n_prospects, mut n_orders) = (0, 0);
    for round in 0..24 {
        let trip = if round % 2 == 0 { Trip::AfterInsert } else { Trip::BeforeInsert };
        let wire = Tripwire::start(&world.clickhouse.url, round / 2, trip).await;
        let consumer = world.consume_by(&wire.url);
        // Orders of one lane come before their prospects of the other: they are parked, then
        // replayed.
        let prospects: Vec<Uuid> = (0..10).map(|_| Uuid::now_v7()).collect();
        for prospect in &prospects {
            lanes[round % 2].order(Uuid::now_v7(), &prospect.to_string());
            n_orders += 1;
        }
        lanes[round % 2].send(&world, 4, 0).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        for prospect in &prospects {
            lanes[1 - round % 2].prospect(*prospect, &format!("user_id={}", n_prospects % 5 + 1));
            n_prospects += 1;
        }
        lanes[1 - round % 2].send(&world, 4, 1).await;
        // A round with fewer inserts than the tripwire lets through ends by itself.
        let tripped = tokio::time::timeout(Duration::from_secs(5), wire.tripped()).await;
        assert!(tripped.is_ok() || round > 8, "round {round} did not come to its insert");
        drop(consumer);
    }
    let consumer = world.consume();
    world.wait_for("SELECT uniqExact(prospect_id) FROM prospects", n_prospects).await;
    world.wait_for("SELECT uniqExact(order_id) FROM orders", n_orders).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 0).await;
    consumer.drain().await;
    assert_once(&world, n_prospects, n_orders).await;
}

/// Checks that every table has every event once and that the sums agree with the rows.
pub(crate) async fn assert_once(world: &World, n_prospects: u64, n_orders: u64) {
    let stored = n_prospects + n_orders;
    for (sql, expected) in [
        ("SELECT count() FROM prospects", n_prospects),
        ("SELECT count() FROM prospect_index", n_prospects),
        ("SELECT count() FROM orders", n_orders),
        ("SELECT count() FROM order_contacts", n_orders),
        ("SELECT toUInt64(sum(prospects)) FROM rollup_hourly", n_prospects),
        ("SELECT toUInt64(sum(orders)) FROM rollup_hourly", n_orders),
        ("SELECT sum(count) FROM outcomes WHERE outcome IN ('stored', 'replayed')", stored),
        (
            "SELECT sum(count) FROM outcomes WHERE outcome = 'parked'",
            world.one("SELECT count() FROM parked").await,
        ),
        (
            "SELECT count() FROM (SELECT user_id, toInt64(count()) AS n FROM prospects GROUP BY user_id) AS raw \
             INNER JOIN (SELECT user_id, sum(prospects) AS n FROM rollup_hourly GROUP BY user_id) AS summed \
             ON raw.user_id = summed.user_id AND raw.n = summed.n",
            5,
        ),
    ] {
        assert_eq!(world.one(sql).await, expected, "{sql}");
    }
}
