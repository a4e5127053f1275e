//! The program itself, in which the owner of a partition panics.

use std::time::Duration;

use uuid::Uuid;

use crate::harness::{Lane, World};

/// So that its supervisor starts it again. Its log lines name the partition.
#[tokio::test]
async fn a_consumer_in_which_a_partition_panics_ends_with_1() {
    let world = World::new(1).await;
    // The number of the next replay: debug builds panic when they add to it.
    let lane = format!("replay/{}/0", world.topic);
    let insert = world.client.query("INSERT INTO lanes VALUES (?, 0, 18446744073709551615, now64())");
    insert.bind(&lane).execute().await.unwrap();
    let program = world.program().spawn().unwrap();
    let (prospect, mut lane) = (Uuid::now_v7(), Lane::new(0));
    lane.order(Uuid::now_v7(), &prospect.to_string());
    lane.send(&world, 1, 0).await;
    world.wait_for("SELECT count() FROM parked", 1).await;
    lane.prospect(prospect, "user_id=1");
    lane.send(&world, 1, 0).await;

    let output = tokio::time::timeout(Duration::from_secs(60), program.wait_with_output());
    let output = output.await.expect("it does not end").unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{log}");
    // The topic of changes has a partition, too, and either may be assigned first.
    let is_assigned = |line: &str| {
        [r#""message":"partition assigned""#, r#""partition":0"#, r#""topic":"events""#]
            .iter()
            .all(|text| line.contains(text))
    };
    assert!(log.lines().any(is_assigned), "{log}");
}
