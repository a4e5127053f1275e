//! Inserts that fail in a way that leaves the consumer in doubt. Every row is stored once, and
//! every sum is right.

use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use sluice_consumer::config::DirectoryConfig;
use sluice_consumer::directory::keeper::Keeper;
use sluice_runtime::config::Secret;
use sluice_schemas::change::{Act, Entity};
use uuid::Uuid;

use crate::changes::{assert_no_difference, change, order_id};
use crate::exactly_once::die_at_every_step;
use crate::harness::{Lane, NOVEMBER_MS, World};
use crate::tripwire::{Failure, Trip, Tripwire};

/// Tables that the consumer inserts into.
const TABLES: [&str; 12] = [
    "prospects",
    "prospect_index",
    "orders",
    "order_contacts",
    "rollup_hourly",
    "outcomes",
    "parked_log",
    "lanes",
    "verdicts",
    "order_status",
    "changes",
    "origin_edits",
];

async fn forget_tokens(world: &World) {
    for table in TABLES {
        let sql = format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0");
        world.client.query_raw(&sql).execute().await.unwrap();
    }
}

/// Visits, orders before and after their visits, edits, a status: every table is written.
async fn everything(world: &World, consumer_url: &str) {
    const N_PROSPECTS: u64 = 25;
    let consumer = world.consume_by(consumer_url);
    let mut lanes = [Lane::new(0), Lane::new(1)];
    let prospects: Vec<Uuid> = (0..N_PROSPECTS).map(|_| Uuid::now_v7()).collect();
    let orders: Vec<Uuid> = prospects.iter().map(|_| order_id()).collect();
    for (order, prospect) in orders.iter().zip(&prospects).take(10) {
        lanes[0].order(*order, &prospect.to_string());
    }
    lanes[0].send(world, 100, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'waiting'", 10).await;
    for (index, prospect) in prospects.iter().enumerate() {
        lanes[1].prospect(*prospect, &format!("user_id={}", index % 5 + 1));
    }
    lanes[1].send(world, 100, 0).await;
    world.wait_for("SELECT count() FROM parked WHERE state = 'replayed'", 10).await;
    for (order, prospect) in orders.iter().zip(&prospects).skip(10) {
        lanes[0].order(*order, &prospect.to_string());
    }
    lanes[0].send(world, 100, 0).await;
    world.wait_for("SELECT uniqExact(order_id) FROM orders", N_PROSPECTS).await;
    world.wait_for_numbered(50).await;
    let sale = [("status", "sale")];
    let contact =
        ["email", "phone_number", "first_name", "last_name", "delivery_address"].map(|name| (name, "new"));
    let hand_over = [("user_id", "7")];
    world.change(prospects[0], &change(Entity::Order, orders[0], Act::Update, &sale)).await;
    world.change(prospects[1], &change(Entity::Order, orders[1], Act::Update, &contact)).await;
    world.change(prospects[2], &change(Entity::Prospect, prospects[2], Act::Update, &hand_over)).await;
    world.wait_for("SELECT uniqExact(change_id) FROM changes WHERE outcome = 'applied'", 3).await;
    // What is still under way may insert for a second time.
    tokio::time::sleep(Duration::from_millis(700)).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT count() FROM order_status").await, 1);
    assert_eq!(world.one("SELECT count() FROM changes").await, 3);
    assert_eq!(world.one("SELECT count() FROM order_contacts WHERE email = 'new'").await, 1);
    assert_eq!(world.one("SELECT toUInt64(sum(sales)) FROM rollup_hourly").await, 1);
    assert_eq!(world.one("SELECT count() FROM orders WHERE user_id = 7").await, 1);
    assert_eq!(world.one("SELECT count() FROM origin_edits").await, 1);
    assert_stored_once(world, N_PROSPECTS).await;
    assert_no_difference(world).await;
}

/// Each prospect and its order are there once, and the outcomes count them once.
async fn assert_stored_once(world: &World, n: u64) {
    for (sql, expected) in [
        ("SELECT count() FROM prospects", n),
        ("SELECT count() FROM prospect_index", n),
        ("SELECT count() FROM orders", n),
        ("SELECT count() FROM order_contacts", n),
        ("SELECT sum(count) FROM outcomes WHERE outcome IN ('stored', 'replayed')", 2 * n),
        ("SELECT sum(count) FROM outcomes WHERE outcome = 'parked'", 10),
    ] {
        assert_eq!(world.one(sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_is_done_and_not_answered_is_not_made_again() {
    for do_tables_know_tokens in [true, false] {
        let world = World::new(2).await;
        if !do_tables_know_tokens {
            forget_tokens(&world).await;
        }
        let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::Unanswered)).await;
        everything(&world, &wire.url).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_of_which_only_the_token_was_stored_is_made_again() {
    let world = World::new(2).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::TokenAlone)).await;
    everything(&world, &wire.url).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_comes_after_its_repetition_is_ignored() {
    let world = World::new(2).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::Late)).await;
    everything(&world, &wire.url).await;
}

/// Every insert takes so long that its sender gives up, and succeeds. No table knows tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_that_is_under_way_is_waited_for() {
    let world = World::new(2).await;
    forget_tokens(&world).await;
    for table in ["prospects", "prospect_index", "orders", "order_contacts", "rollup_hourly", "outcomes"] {
        // From its second part on, each insert waits about a second.
        let slow = "parts_to_delay_insert = 1, min_delay_to_insert_ms = 800, max_delay_to_insert = 1";
        let sql = format!("ALTER TABLE {table} MODIFY SETTING {slow}");
        world.client.query_raw(&sql).execute().await.unwrap();
    }
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::Slow)).await;
    everything(&world, &wire.url).await;
}

/// A ClickHouse without disk space refuses inserts and answers queries. The consumer waits, names
/// the reason in its readiness, and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for_and_named() {
    let world = World::new(1).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::Refuse).await;
    let consumer = world.consume_by(&wire.url);
    let mut lane = Lane::new(0);
    for _ in 0..20 {
        let prospect = Uuid::now_v7();
        lane.prospect(prospect, "user_id=1");
        lane.order(order_id(), &prospect.to_string());
        lane.send(&world, 2, 0).await;
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while !consumer.readiness.reasons().contains("clickhouse inserts into prospects") {
        assert!(Instant::now() < deadline, "ready: {}", consumer.readiness.reasons());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Questions are answered meanwhile: that must not make it ready.
    for _ in 0..20 {
        assert!(consumer.readiness.reasons().contains("NOT_ENOUGH_SPACE"));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.one("SELECT count() FROM prospects").await, 0);
    wire.release();
    world.wait_for_numbered(40).await;
    while !consumer.readiness.is_ready() {
        assert!(Instant::now() < deadline, "{}", consumer.readiness.reasons());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    consumer.drain().await;
    for table in ["prospects", "prospect_index", "orders", "order_contacts"] {
        assert_eq!(world.one(&format!("SELECT count() FROM {table}")).await, 20, "{table}");
    }
    assert_no_difference(&world).await;
}

/// The consumer dies after and before each insert of a batch, and ClickHouse knows no tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_batch_needs_no_tokens() {
    let world = World::new(2).await;
    forget_tokens(&world).await;
    die_at_every_step(world).await;
}

/// A batch that spans the end of a month has a part for each month in each table. One of the parts
/// is stored and the other is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_months_the_one_that_is_missing_is_inserted() {
    let world = World::new(1).await;
    let wire = Tripwire::start(&world.clickhouse.url, 0, Trip::FirstTries(Failure::TokenAlone)).await;
    let consumer = world.consume_by(&wire.url);
    let mut lane = Lane::new(0);
    // The lane's clock begins with November: the times of the first hundred events lie in October.
    lane.time_ms = NOVEMBER_MS - 100;
    for _ in 0..200 {
        let prospect = Uuid::now_v7();
        lane.prospect(prospect, "user_id=1");
        lane.order(Uuid::now_v7(), &prospect.to_string());
    }
    lane.send(&world, 1000, 0).await;
    world.wait_for_numbered(400).await;
    consumer.drain().await;
    for (table, time, n) in [
        ("prospects", "time", 200),
        ("prospect_index", "time", 200),
        ("orders", "time", 200),
        ("order_contacts", "time", 200),
        ("rollup_hourly", "hour", 2),
    ] {
        let months = format!("SELECT uniqExact(toYYYYMM({time})) FROM {table}");
        assert_eq!(world.one(&months).await, 2, "{table}");
        let condition = if time == "hour" { "batches = 0" } else { "true" };
        let rows = format!("SELECT count() FROM {table} WHERE {condition}");
        assert_eq!(world.one(&rows).await, n, "{table}");
    }
    assert_no_difference(&world).await;
}

/// An operator resets the committed offset with the tools of Kafka while a batch is in progress.
/// Its plan is lost with the offset, and the next batch has other records. No row is stored twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_plan_doubles_no_row() {
    let world = World::new(1).await;
    let mut lane = Lane::new(0);
    for n_before in [2, 5] {
        let wire = Tripwire::start(&world.clickhouse.url, n_before, Trip::AfterInsert).await;
        let consumer = world.consume_by(&wire.url);
        for _ in 0..50 {
            let prospect = Uuid::now_v7();
            lane.prospect(prospect, "user_id=1");
            lane.order(order_id(), &prospect.to_string());
        }
        lane.send(&world, 20, 0).await;
        wire.tripped().await;
        drop(consumer);
        set_offset(&world, 0).await;
        // Its first owner ends in the middle: the next one has to look, too.
        let wire = Tripwire::start(&world.clickhouse.url, n_before + 8, Trip::BeforeInsert).await;
        let consumer = world.consume_by(&wire.url);
        drop(tokio::time::timeout(Duration::from_secs(3), wire.tripped()).await);
        drop(consumer);
        lane.prospect(Uuid::now_v7(), "user_id=2");
        lane.send(&world, 20, 0).await;
        let consumer = world.consume();
        world.wait_for_numbered(lane.next_seq - 1).await;
        consumer.drain().await;
    }
    for (table, n) in [("prospects", 102), ("prospect_index", 102), ("orders", 100), ("order_contacts", 100)]
    {
        assert_eq!(world.one(&format!("SELECT count() FROM {table}")).await, n, "{table}");
    }
}

/// A consumer of an older version died in a batch whose sums it had stored, without markers. The
/// sums are not stored again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_an_older_version_began_is_finished() {
    let world = World::new(1).await;
    let mut lane = Lane::new(0);
    for _ in 0..50 {
        lane.prospect(Uuid::now_v7(), "user_id=1");
    }
    lane.send(&world, 10, 0).await;
    let postgres_url = Secret::new(world.postgres_url.clone());
    let config = DirectoryConfig { postgres_url, ..DirectoryConfig::default() };
    let keeper = Keeper::open(&config, Counter::default()).unwrap();
    let version = keeper.current().await.unwrap().version;
    commit(&world, 0, &format!("plan 5 directory {version} began 7")).await;
    let batch = format!("{}/0/0-5@7", world.topic);
    let outcome = format!("'consumer', '{}/0', 'stored', '', 50", lane.edge);
    for (table, columns, values) in [
        ("rollup_hourly", "hour, user_id, prospects", "1, 50"),
        ("outcomes", "minute, stage, lane, outcome, reason, count", outcome.as_str()),
    ] {
        let client = world.client.clone().with_setting("async_insert", "0");
        let client = client.with_setting("insert_deduplication_token", format!("{batch}/{table}"));
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({}, {values})", NOVEMBER_MS / 1000);
        client.query_raw(&sql).execute().await.unwrap();
    }
    let consumer = world.consume();
    world.wait_for_numbered(50).await;
    // The next batch is of this version.
    lane.prospect(Uuid::now_v7(), "user_id=1");
    lane.send(&world, 10, 0).await;
    world.wait_for_numbered(51).await;
    consumer.drain().await;
    assert_eq!(world.one("SELECT toUInt64(sum(prospects)) FROM rollup_hourly").await, 51);
    assert_eq!(world.one("SELECT sum(count) FROM outcomes").await, 51);
    assert_eq!(world.one("SELECT toUInt64(sum(batches)) FROM rollup_hourly").await, 1);
    assert_no_difference(&world).await;
}

/// A consumer dies in the middle of a batch of 100,000 visits. The tables have a million others.
/// Prints the time from the start of the next consumer until the batch is stored.
#[tokio::test]
async fn a_batch_of_a_hundred_thousand_events_in_doubt_is_soon_stored() {
    const N: u64 = 100_000;
    let mut world = World::new(1).await;
    world.max_events = usize::try_from(N).unwrap();
    world.linger_ms = 3000;
    world.buffer_bytes = 256 << 20;
    for table in ["prospects", "prospect_index"] {
        let sql = format!(
            "INSERT INTO {table} (prospect_id, time, user_id) SELECT generateUUIDv4(), \
             fromUnixTimestamp64Milli({NOVEMBER_MS} + intDiv(number, 10)), 1 FROM numbers(1000000)"
        );
        world.client.query_raw(&sql).execute().await.unwrap();
    }
    let mut lane = Lane::new(0);
    for _ in 0..N {
        lane.prospect(Uuid::now_v7(), "user_id=1");
    }
    lane.send(&world, 2000, 0).await;
    let wire = Tripwire::start(&world.clickhouse.url, 3, Trip::AfterInsert).await;
    let consumer = world.consume_by(&wire.url);
    wire.tripped().await;
    drop(consumer);

    // The plan says where the batch ends: the next consumer does not wait for more.
    let began = Instant::now();
    let consumer = world.consume();
    world.wait_for_numbered(N).await;
    let took = began.elapsed();
    eprintln!("a batch of {N} events in doubt was stored {} ms after the start", took.as_millis());
    consumer.drain().await;
    for table in ["prospects", "prospect_index"] {
        assert_eq!(world.one(&format!("SELECT count() FROM {table}")).await, N + 1_000_000, "{table}");
    }
    assert_eq!(world.one("SELECT toUInt64(sum(prospects)) FROM rollup_hourly").await, N);
    assert!(took < Duration::from_secs(30), "{took:?}");
}

pub(crate) async fn set_offset(world: &World, offset: i64) {
    commit(world, offset, "").await;
}

/// Commits as Kafka's tools do, once the group has no members.
async fn commit(world: &World, offset: i64, metadata: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &world.brokers)
        .set("group.id", &world.group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition(&world.topic, 0);
    element.set_offset(Offset::Offset(offset)).unwrap();
    element.set_metadata(metadata);
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = consumer.commit(&list, CommitMode::Sync) {
        assert!(Instant::now() < deadline, "{error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
