//! The feed of `/live/`: exactly the events that are stored, without personal data, and never in
//! the way of a batch.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_local::testing::kafka_topic;
use sluice_schemas::live::{LiveKind, LiveMessage, LiveRow};
use uuid::Uuid;

use crate::harness::{Lane, World};

/// Reads the feed until it has rows of this many events.
async fn rows(world: &World, n_events: usize) -> Vec<LiveRow> {
    let (brokers, topic) = (world.brokers.clone(), world.live_topic.clone());
    let read = move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut rows = Vec::<LiveRow>::new();
        while rows.iter().map(|row| row.id).collect::<BTreeSet<_>>().len() < n_events {
            assert!(Instant::now() < deadline, "{rows:?}");
            let Some(record) = consumer.poll(Duration::from_millis(100)) else { continue };
            let record = record.unwrap();
            let text = std::str::from_utf8(record.payload().unwrap()).unwrap();
            for personal in ["203.0.113.7", "jane@example.com", "Jane", "555 0100", "Mozilla"] {
                assert!(!text.contains(personal), "{personal}: {text}");
            }
            let message: LiveMessage = serde_json::from_str(text).unwrap();
            rows.extend(message.rows);
        }
        rows
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn stored_events_are_shown_and_parked_ones_only_once_they_are_stored() {
    let mut world = World::new(1).await;
    world.live_topic = kafka_topic("live", 1).await;
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    let (visit, late, order, early) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    lane.prospect(visit, "user_id=7&cost=0.05&currency=EUR");
    lane.prospect(Uuid::now_v7(), "k=7qk2m9xw4tbvhr32");
    lane.order(order, &visit.to_string());
    lane.order(early, &late.to_string());
    // The last event of each chunk comes twice.
    lane.send(&world, 2, 1).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 2).await;
    let shown = rows(&world, 2).await;
    assert_eq!(shown.len(), 2, "{shown:?}");
    let found = |id: Uuid| shown.iter().find(|row| row.id == id).unwrap();
    let row = found(visit);
    assert_eq!((row.kind, row.user_id, row.amount), (LiveKind::Visit, 7, 50_000));
    assert_eq!(
        (row.currency.as_str(), row.device.as_str(), row.browser.as_str()),
        ("EUR", "desktop", "Chrome")
    );
    let row = found(order);
    assert_eq!((row.kind, row.user_id, row.amount), (LiveKind::Order, 7, 12_500_000));
    assert_eq!((row.status.as_str(), row.os.as_str()), ("hold", "Windows 10"));

    lane.prospect(late, "user_id=9");
    lane.send(&world, 10, 0).await;
    let shown = rows(&world, 4).await;
    let ids: BTreeSet<Uuid> = shown.iter().map(|row| row.id).collect();
    assert_eq!(ids, BTreeSet::from([visit, order, late, early]));
    assert_eq!(shown.len(), 4, "nothing is shown twice: {shown:?}");
    consumer.drain().await;
}

#[tokio::test]
async fn without_its_topic_events_are_stored_all_the_same() {
    let mut world = World::new(1).await;
    "there_is_no_such_topic".clone_into(&mut world.live_topic);
    let consumer = world.consume();
    let mut lane = Lane::new(0);
    for _ in 0..300 {
        lane.prospect(Uuid::now_v7(), "user_id=7");
    }
    lane.send(&world, 10, 0).await;
    world.wait_for("SELECT count() FROM prospects", 300).await;
    world.wait_for_numbered(300).await;
    consumer.drain().await;
}
