//! A permanent error, which no retry can mend: the partition stands still and says why.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::harness::{Consumer, Lane, World};

async fn wait_for_reason(consumer: &Consumer, reason: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !consumer.readiness.reasons().contains(reason) {
        assert!(Instant::now() < deadline, "instead of {reason}: {}", consumer.readiness.reasons());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The verdict may be that of a later version. The other partition goes on, and nothing is lost.
#[tokio::test]
async fn an_unreadable_verdict_stops_its_partition_until_it_can_be_read() {
    let world = World::new(2).await;
    let batch = format!("replay/{}/0/0", world.topic);
    let insert = world.client.query("INSERT INTO verdicts (batch, body) VALUES (?, '{')").bind(&batch);
    insert.execute().await.unwrap();
    let mut lanes = [Lane::new(0), Lane::new(1)];
    for lane in &mut lanes {
        lane.prospect(Uuid::now_v7(), "user_id=1");
        lane.send(&world, 1, 0).await;
    }

    let consumer = world.consume();
    wait_for_reason(&consumer, "events: partition 0 stands still: clickhouse: the verdict").await;
    world.wait_for("SELECT count() FROM prospects", 1).await;
    assert!(consumer.readiness.reasons().contains("cannot be read by this version"));
    consumer.drain().await;

    let delete = world.client.query("ALTER TABLE verdicts DELETE WHERE batch = ?").bind(&batch);
    delete.with_setting("mutations_sync", "2").execute().await.unwrap();
    let consumer = world.consume();
    world.wait_for("SELECT count() FROM prospects", 2).await;
    assert!(consumer.readiness.is_ready(), "{}", consumer.readiness.reasons());
    consumer.drain().await;
}
