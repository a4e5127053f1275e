//! Only one consumer group may write a database.

use std::time::Duration;

use uuid::Uuid;

use crate::harness::{Lane, World};

const N_PROSPECTS: &str = "SELECT count() FROM prospects";
const N_WRITERS: &str = "SELECT count() FROM writers";

/// The exit code and the standard error of the program, which must end by itself.
async fn ends(world: &World, group: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = world.program().env("SLUICE__KAFKA__GROUP", group).args(args).output();
    let output = tokio::time::timeout(Duration::from_secs(30), output).await;
    let output = output.expect("it does not end").unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

async fn send_one(world: &World, lane: &mut Lane) {
    lane.prospect(Uuid::now_v7(), "user_id=1");
    lane.send(world, 1, 0).await;
}

#[tokio::test]
async fn a_second_group_does_not_start_until_it_takes_over() {
    let world = World::new(1).await;
    let mut lane = Lane::new(0);
    send_one(&world, &mut lane).await;
    let mut first = world.program().spawn().unwrap();
    world.wait_for(N_PROSPECTS, 1).await;
    assert_eq!(world.one(N_WRITERS).await, 2, "one for each topic");
    first.kill().await.unwrap();

    let second = format!("{}-2", world.group);
    let (code, text) = ends(&world, &second, &[]).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains(&format!("kafka.group: group \"{}\" of the Kafka cluster", world.group)), "{text}");
    assert!(text.contains("sluice-consumer take-over"), "{text}");

    // The registered group starts again.
    send_one(&world, &mut lane).await;
    let mut first = world.program().spawn().unwrap();
    world.wait_for(N_PROSPECTS, 2).await;
    first.kill().await.unwrap();

    let (code, text) = ends(&world, &second, &["take-over"]).await;
    assert_eq!(code, Some(0), "{text}");
    send_one(&world, &mut lane).await;
    // It begins at the oldest record, and stores only what is missing.
    let mut taken = world.program().env("SLUICE__KAFKA__GROUP", &second).spawn().unwrap();
    world.wait_for(N_PROSPECTS, 3).await;
    send_one(&world, &mut lane).await;
    world.wait_for(N_PROSPECTS, 4).await;
    taken.kill().await.unwrap();
    let (code, text) = ends(&world, &world.group, &[]).await;
    assert_eq!(code, Some(64), "{text}");
}

/// As with a copy of production's configuration on another Kafka.
#[tokio::test]
async fn the_same_group_of_another_cluster_does_not_start() {
    let world = World::new(1).await;
    let insert =
        world.client.query("INSERT INTO writers (topic, cluster, consumer_group) VALUES (?, 'another', ?)");
    insert.bind(&world.topic).bind(&world.group).execute().await.unwrap();
    let (code, text) = ends(&world, &world.group, &[]).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("of the Kafka cluster another writes"), "{text}");
}
