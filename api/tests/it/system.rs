//! `/system/` and its API: what every part says, and the page when parts say nothing.

use std::time::{Duration, Instant};

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use sluice_api::policy::Position;
use sluice_local::testing::{kafka_topic, servers, unique_name};
use sluice_runtime::lifecycle::Lifecycle;
use sluice_runtime::ops::{self, Readiness};

use crate::world::World;

/// A real port for operators with a gauge, and a port that accepts and never answers.
async fn edge_and_silence(readiness: &Readiness) -> (String, String) {
    let mut registry = Registry::default();
    let minutes = Gauge::<i64>::default();
    minutes.set(17);
    registry.register("sluice_edge_journal_minutes_left", "Minutes", minutes);
    let listen = "127.0.0.1:0".parse().unwrap();
    let edge = ops::serve(listen, registry, readiness.clone(), &Lifecycle::default()).await.unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silence = silent.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "lives as long as the test's runtime")]
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            kept.push(stream);
        }
    });
    (format!("http://{edge}"), format!("http://user:secret@{silence}/"))
}

/// Writes three records to the first partition, of which the group has done one.
async fn records(topic: &str, group: &str) {
    let brokers = &servers().await.kafka_brokers;
    let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    for number in 0..3 {
        let payload = format!("{number}");
        let record = FutureRecord::<(), _>::to(topic).payload(&payload).partition(0);
        producer.send(record, Duration::from_secs(20)).await.unwrap();
    }
    let (topic, group, brokers) = (topic.to_owned(), group.to_owned(), brokers.clone());
    let commit = move || {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &brokers).set("group.id", &group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, 0, Offset::Offset(1)).unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    };
    tokio::task::spawn_blocking(commit).await.unwrap();
}

fn part<'a>(answer: &'a Value, kind: &str) -> Vec<&'a Value> {
    answer["parts"].as_array().unwrap().iter().filter(|part| part["part"] == kind).collect()
}

#[tokio::test]
async fn every_part_says_how_it_is() {
    let (events, changes) = (kafka_topic("system-events", 2).await, kafka_topic("system-changes", 1).await);
    let group = unique_name("system");
    records(&events, &group).await;
    let readiness = Readiness::starting(&["journal"]);
    let (edge, silence) = edge_and_silence(&readiness).await;
    let world = World::with(|config| {
        config.system.edges = vec![edge, silence];
        config.kafka.events_topic.clone_from(&events);
        config.kafka.changes_topic.clone_from(&changes);
        config.kafka.group.clone_from(&group);
    })
    .await;
    let olga = world.person("olga", Position::Owner).await;

    // A fresh client of Kafka may need longer than a second on a busy machine.
    let begin = Instant::now();
    let answer = loop {
        let answer = world.get_as("/api/system/", &olga).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(!answer.text.contains("secret") && !answer.text.contains("127.0.0.1"), "{}", answer.text);
        let answer = answer.json();
        if part(&answer, "kafka")[0]["state"] == "ready" || begin.elapsed() > Duration::from_secs(60) {
            break answer;
        }
    };
    let edges = part(&answer, "edge");
    assert_eq!((&edges[0]["state"], &edges[1]["state"]), (&"not_ready".into(), &"not_answering".into()));
    assert_eq!(edges[0]["reasons"][0], "journal: starting");
    assert_eq!(edges[0]["journal"]["minutes_left"], 17.0);
    assert_eq!(edges[1]["since"], "2026-11-23T15:00:00.000Z");
    assert_eq!(part(&answer, "consumer")[0]["state"], "not_configured");
    let lags = part(&answer, "kafka")[0]["partitions"].as_array().unwrap().clone();
    let lag = |topic: &str, partition: i64| {
        lags.iter().find(|one| one["topic"] == topic && one["partition"] == partition).unwrap()["lag"]
            .as_i64()
    };
    assert_eq!((lag(&events, 0), lag(&events, 1), lag(&changes, 0)), (Some(2), Some(0), Some(0)));
    for kind in ["clickhouse", "postgres"] {
        let found = part(&answer, kind)[0];
        assert_eq!(found["state"], "ready", "{found}");
        assert!(found["version"].as_str().unwrap().contains('.'), "{found}");
        assert!(found["started_at"].as_str().unwrap() > "2020", "{found}");
    }
    let disk = &part(&answer, "clickhouse")[0]["disks"][0];
    assert!(disk["free_bytes"].as_u64().unwrap() > 0, "{disk}");
    assert!(part(&answer, "api")[0]["data_sets"][0]["version"].as_str().unwrap() >= "2026f");

    readiness.ready("journal");
    let page = world.visitor("olga").await.get("/system/").await;
    assert_eq!(page.status, 200);
    for text in [
        "Edge 1",
        "Journal: full in 17 minutes if Kafka accepts nothing",
        "Edge 2",
        "It did not answer within a second.",
        "Not configured",
        "Set system.consumers in the configuration of the API",
        "PostgreSQL cannot say how much of its disk is free.",
        "href=\"/system/\">Refresh</a>",
        "<a href=\"/system/\" aria-current=\"page\">System</a>",
    ] {
        assert!(page.text.contains(text), "{text}: {}", page.text);
    }
    assert!(!page.text.contains("secret") && !page.text.contains("journal: starting"), "{}", page.text);
}

#[tokio::test]
async fn the_page_comes_when_nothing_answers() {
    let readiness = Readiness::default();
    let (_, silence) = edge_and_silence(&readiness).await;
    let world = World::with(|config| {
        config.system.edges = vec![silence.clone()];
        config.system.consumers = vec!["http://127.0.0.1:1".to_owned()];
        config.kafka.brokers = "127.0.0.1:1".to_owned();
        config.clickhouse.url = silence;
    })
    .await;
    world.person("olga", Position::Owner).await;
    let mut olga = world.visitor("olga").await;
    let begin = Instant::now();
    let page = olga.get("/system/").await;
    assert_eq!(page.status, 200);
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    assert_eq!(page.text.matches("It did not answer within a second.").count(), 4, "{}", page.text);
    assert!(!page.text.contains("secret"), "{}", page.text);
}

#[tokio::test]
async fn only_owners_see_it() {
    let world = World::new().await;
    for (name, position) in
        [("ben", Position::Buyer), ("lea", Position::TeamLead), ("fay", Position::FundsCoordinator)]
    {
        let person = world.person(name, position).await;
        assert_eq!(world.get_as("/api/system/", &person).await.status, 403);
        let mut visitor = world.visitor(name).await;
        assert_eq!(visitor.get("/system/").await.status, 403);
        assert!(!visitor.get("/account/").await.text.contains("href=\"/system/\""));
    }
}
