//! ClickHouse is away, partitions are paused because too much waits for it, and meanwhile consumers
//! come and go.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::exactly_once::assert_once;
use crate::gate::Gate;
use crate::harness::{Consumer, Lane, World};

/// Waits until a consumer has a partition and cannot reach ClickHouse.
async fn wait_until_stuck(consumer: &Consumer) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !consumer.readiness.reasons().contains("clickhouse") {
        assert!(Instant::now() < deadline, "it never asked ClickHouse: {}", consumer.readiness.reasons());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn send(world: &World, lanes: &mut [Lane; 2], n_prospects: &mut u64) {
    for lane in lanes {
        for _ in 0..200 {
            lane.prospect(Uuid::now_v7(), &format!("user_id={}", *n_prospects % 5 + 1));
            *n_prospects += 1;
        }
        lane.send(world, 20, 3).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_paused_is_read_on_after_a_rebalance_during_an_outage() {
    let mut world = World::new(2).await;
    // The partition is paused after one chunk or two.
    world.buffer_bytes = 8 * 1024;
    let gate = Gate::start(&world.clickhouse.url).await;
    let (mut lanes, mut n_prospects) = ([Lane::new(0), Lane::new(1)], 0);
    let first = world.consume_by(&gate.url);
    send(&world, &mut lanes, &mut n_prospects).await;
    world.wait_for("SELECT count() FROM prospects", n_prospects).await;

    gate.set(false);
    send(&world, &mut lanes, &mut n_prospects).await;
    wait_until_stuck(&first).await;
    // A second consumer takes one of the two partitions, and the first one gets the other anew.
    let second = world.consume_as("two", &gate.url);
    wait_until_stuck(&second).await;
    send(&world, &mut lanes, &mut n_prospects).await;
    // It dies without leaving the group. Its partition comes back when its session ends, during the
    // outage or after it.
    drop(second);
    gate.set(true);
    world.wait_for("SELECT uniqExact(prospect_id) FROM prospects", n_prospects).await;
    send(&world, &mut lanes, &mut n_prospects).await;
    world.wait_for("SELECT uniqExact(prospect_id) FROM prospects", n_prospects).await;
    first.drain().await;
    assert_once(&world, n_prospects, 0).await;
}
